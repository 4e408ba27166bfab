// SPDX-License-Identifier: MIT
// A form for what a model file does not say: heads, mean and std, labels. Fetched when a file needs it.
import { element } from './dom.js';

/** @typedef {import('./import_file.js').Said} Said */

/** What models were trained with, most of the time. */
const SCALES = Object.freeze([
  { name: 'timm’s ViT: 0.5 and 0.5', mean: '0.5,0.5,0.5', std: '0.5,0.5,0.5' },
  { name: 'ImageNet: 0.485 … and 0.229 …', mean: '0.485,0.456,0.406', std: '0.229,0.224,0.225' },
  {
    name: 'CLIP: 0.481 … and 0.269 …',
    mean: '0.48145466,0.4578275,0.40821073',
    std: '0.26862954,0.26130258,0.27577711',
  },
]);

/** How an error says that there is a way: the file as it is with what is asked for, or the import module. */
const LACKS = /metadata (?:heads|mean|std) is missing/;
const FOREIGN = /vit158 import FILE/;

/**
 * Whether the form helps against an error of opening a file, and which way.
 * @param {{message: string}} error
 * @returns {'metadata' | 'import' | null}
 */
export function wayAround({ message }) {
  if (LACKS.test(message)) return 'metadata';
  return FOREIGN.test(message) ? 'import' : null;
}

/**
 * What was said as metadata, for a file that the engine opens itself.
 * @param {Said} said
 * @returns {Record<string, string>}
 */
export function metadataOf({ heads, labels, metadata }) {
  const lines = labels.split(/\r?\n/).filter((line) => line !== '');
  return {
    ...metadata,
    ...(heads > 0 ? { heads: String(heads) } : {}),
    ...(lines.length > 0 ? { labels: JSON.stringify(lines) } : {}),
  };
}

/**
 * @param {string} name of the file
 * @param {'metadata' | 'import'} way  without the import module the heads must be said
 * @returns {Promise<Said | null>} null if it was closed
 */
export function askForMissing(name, way) {
  const heads = /** @type {HTMLInputElement} */ (element('input'));
  Object.assign(heads, { type: 'number', min: '1', max: '256', name: 'heads', required: way === 'metadata' });
  const scale = /** @type {HTMLSelectElement} */ (element('select'));
  scale.name = 'scale';
  scale.append(...SCALES.map((one) => element('option', '', one.name)));
  const labels = /** @type {HTMLTextAreaElement} */ (element('textarea'));
  Object.assign(labels, { rows: 5, name: 'labels' });
  const dialog = makeDialog(name, way, [
    [way === 'metadata' ? 'Attention heads' : 'Attention heads, if the width does not tell', heads],
    ['Mean and standard deviation of the colours', scale],
    ['Names of the classes, one a line; may stay empty', labels],
  ]);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      const { mean, std } = SCALES[scale.selectedIndex] ?? SCALES[0];
      const said = { heads: Number(heads.value) || 0, labels: labels.value, metadata: { mean, std } };
      resolve(dialog.returnValue === 'open' ? said : null);
    });
  });
}

/**
 * @param {string} name
 * @param {'metadata' | 'import'} way
 * @param {[string, HTMLElement][]} fields
 */
function makeDialog(name, way, fields) {
  const title = element('h2', 'label', 'What this file does not say');
  title.id = 'missing-title';
  const words =
    way === 'metadata'
      ? `${name} holds weights only. Whoever trained it knows the rest.`
      : `${name} is of another library. It is made a model of this page here, on your device.`;
  const open = /** @type {HTMLButtonElement} */ (element('button', 'button', 'Open it'));
  open.value = 'open';
  const cancel = /** @type {HTMLButtonElement} */ (element('button', 'button', 'Cancel'));
  Object.assign(cancel, { value: 'cancel', formNoValidate: true });
  const form = /** @type {HTMLFormElement} */ (element('form', 'missing'));
  form.method = 'dialog';
  const rows = fields.map(([text, input]) => element('label', '', [text, input]));
  form.append(title, element('p', '', words), ...rows, element('p', 'missing-buttons', [open, cancel]));
  const dialog = /** @type {HTMLDialogElement} */ (element('dialog', 'document', [form]));
  dialog.id = 'missing';
  dialog.setAttribute('aria-labelledby', title.id);
  return dialog;
}
