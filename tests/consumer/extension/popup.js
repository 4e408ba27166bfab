// SPDX-License-Identifier: MIT
// Asks the background worker, and does the same itself, in a worker of its own.
import { Classifier } from './vit158/web/lib/vit158.js';

const address = chrome.runtime.getURL('cat.jpg');
const background = await chrome.runtime.sendMessage(address);
const wrong = await chrome.runtime.sendMessage(chrome.runtime.getURL('manifest.json'));
const model = chrome.runtime.getURL('vit158/models/vit158-cifar10.safetensors');
const noModel = await chrome.runtime.sendMessage({ model: chrome.runtime.getURL('manifest.json') });
const damaged = await chrome.runtime.sendMessage({ model, sha256: '0'.repeat(64) });
const pool = await chrome.runtime.sendMessage({ model, worker: true });
const ownPool = await chrome.runtime.sendMessage({ model, worker: 2, givesWorker: true });
const vit = await Classifier.load(model, { worker: true });
const { logitsSha256 } = await vit.classify(address);
vit.dispose();
const codes = {
  wrong: wrong.code,
  noModel: noModel.code,
  damaged: damaged.code,
  pool: pool.code,
  ownPool: ownPool.code,
};
globalThis.consumed = { background, codes, own: logitsSha256 };
document.querySelector('output').value = background.label;
