// SPDX-License-Identifier: MIT
// Answers the extension's pages; the browser ends this worker when it is idle and starts it again.
import { Classifier } from './vit158/web/lib/vit158.js';

const loading = Classifier.load(chrome.runtime.getURL('vit158/models/vit158-cifar10.safetensors'));

async function classify(address) {
  const vit = await loading;
  const {
    predictions: [best],
    logitsSha256,
  } = await vit.classify(address);
  return { label: best.label, logitsSha256 };
}

/** Opens another model; nothing can be imported on demand here. */
async function open({ model, givesWorker, ...options }) {
  const newWorker = givesWorker ? () => new globalThis.Worker('none.js') : null;
  const vit = await Classifier.load(model, { ...options, newWorker });
  const { name } = vit.info();
  vit.dispose();
  return { name };
}

chrome.runtime.onMessage.addListener((wanted, _sender, reply) => {
  const answer = typeof wanted === 'string' ? classify(wanted) : open(wanted);
  answer.then(reply, (error) => reply({ code: error.code, message: error.message }));
  return true; // the reply comes later
});
