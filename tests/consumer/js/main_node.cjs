// SPDX-License-Identifier: MIT
// A user's program with require(): arguments are a model and an image.
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');
const { Classifier, VERSION, decodeImage } = require('vit158');
const golden = require('vit158/golden');
const inline = require('vit158/inline');

const [model, picture] = process.argv.slice(2);

async function run(Type, options) {
  const vit = await Type.load(model, options);
  const { logitsSha256 } = await vit.classify(picture);
  vit.dispose();
  return logitsSha256;
}

async function main() {
  const esm = await import('vit158');
  if (VERSION !== esm.VERSION || inline.VERSION !== VERSION) throw new Error('versions differ');
  const { width } = await decodeImage(picture);
  if ((await inline.decodeImage(picture)).width !== width) throw new Error('widths differ');
  const newWorker = () => new Worker(join(__dirname, 'worker.cjs'));
  const refused = await Classifier.load('no-such-model').catch((error) => error);
  if (!(refused instanceof esm.Vit158Error)) throw new Error('an error of another kind');
  console.log(
    JSON.stringify({
      here: await run(Classifier, {}),
      worker: await run(Classifier, { worker: true }),
      own: await run(Classifier, { worker: true, newWorker }),
      inline: await run(inline.Classifier, {}),
      golden: (await golden.recordPicture(await Classifier.load(model), 'picture.jpg', picture)).logits_sha256,
    }),
  );
}

main();
