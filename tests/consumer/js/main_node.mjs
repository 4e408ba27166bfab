// SPDX-License-Identifier: MIT
// A user's program, ES modules: arguments are a model and an image.
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { Classifier } from 'vit158';
import { Classifier as Inline } from 'vit158/inline';

const [model, picture] = process.argv.slice(2);

/** @param {typeof Classifier} Type @param {import('vit158').LoadOptions} options */
async function run(Type, options) {
  const vit = await Type.load(model, options);
  const { logitsSha256 } = await vit.classify(picture);
  vit.dispose();
  return logitsSha256;
}

const newWorker = () => new Worker(new URL('./worker.js', import.meta.url));
const wasm = createRequire(import.meta.url).resolve('vit158/vit158.wasm');
console.log(
  JSON.stringify({
    here: await run(Classifier, {}),
    threads: await run(Classifier, { threads: 2 }),
    worker: await run(Classifier, { worker: 2 }),
    own: await run(Classifier, { worker: true, newWorker }),
    explicit: await run(Classifier, { wasm }),
    inline: await run(Inline, {}),
    inlineWorker: await run(Inline, { worker: true }),
  }),
);
