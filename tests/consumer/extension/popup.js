// SPDX-License-Identifier: MIT
// Asks the background worker, and does the same itself, in a worker of its own.
import { Classifier } from './vit158/web/lib/vit158.js';

const address = chrome.runtime.getURL('cat.jpg');
const background = await chrome.runtime.sendMessage(address);
const wrong = await chrome.runtime.sendMessage(chrome.runtime.getURL('manifest.json'));
const vit = await Classifier.load(chrome.runtime.getURL('vit158/models/vit158-cifar10.safetensors'), { worker: true });
const { logitsSha256 } = await vit.classify(address);
vit.dispose();
globalThis.consumed = { background, wrong: wrong.code, own: logitsSha256 };
document.querySelector('output').value = background.label;
