// SPDX-License-Identifier: MIT
// A user's page with a bundler that finds neither .wasm files nor workers by itself: both are named.
import { Classifier, decodeImage } from 'vit158';
import decoder from 'vit158/vit158-decode.wasm';
import engine from 'vit158/vit158.wasm';

/** @param {import('vit158').LoadOptions} options */
async function run(options) {
  const vit = await Classifier.load('/model.safetensors', { wasm: { engine, decoder }, ...options });
  const { logitsSha256 } = await vit.classify('/picture.jpg');
  vit.dispose();
  return logitsSha256;
}

const newWorker = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });

Object.assign(globalThis, {
  consumed: (async () => ({
    page: await run({}),
    response: await run({ wasm: { engine: fetch(engine), decoder: await (await fetch(decoder)).arrayBuffer() } }),
    module: await run({ wasm: { engine: WebAssembly.compileStreaming(fetch(engine)), decoder } }),
    worker: await run({ worker: 2, newWorker }),
    width: (await decodeImage('/picture.jpg', { wasm: decoder })).width,
  }))(),
});
