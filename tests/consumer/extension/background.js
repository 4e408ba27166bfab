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

chrome.runtime.onMessage.addListener((address, _sender, reply) => {
  classify(address).then(reply, (error) => reply({ code: error.code, message: error.message }));
  return true; // the reply comes later
});
