// SPDX-License-Identifier: MIT
// The model card: picker, download with progress and cancel, trouble, and the facts of the model
// in use.
import { byId, copyButton, element } from './dom.js';
import { count, size, timeLeft } from './format.js';
import { modelWords, sentence, untrainedWords } from './messages.js';

/**
 * An entry of models/manifest.json.
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} file
 * @property {string} title
 * @property {number} bytes
 * @property {string} sha256
 * @property {string} [dataset]   where the file itself does not say
 * @property {string} [accuracy]
 * @property {number} [classes]
 * @property {string} [licence]
 * @property {string} [samples]   their list, relative to the manifest
 * @property {string} [golden]    what was recorded of it, relative to the manifest
 * @property {string} [card]
 */

/** @typedef {import('../lib/vit158.js').Info} Info */

/** Stand-ins for an index of the manifest: a file of the visitor's, and no model yet. */
const LOCAL = -1;
const NONE = -2;

/**
 * Bits of storage per weight of the ternary matrices: five trits share a byte, and a weight has as many
 * trits as its output has rows (src/model/FORMAT.md).
 * @param {Record<string, string>} metadata
 * @returns {number} 0 if the model has no ternary weights
 */
export function ternaryBits({ encodings = '{}' }) {
  /** @type {{type: string, n_in: number, n_out: number, rows?: number}[]} */
  const matrices = Object.values(JSON.parse(encodings));
  let [bytes, weights] = [0, 0];
  for (const { type, n_in: nIn, n_out: nOut, rows = nOut } of matrices) {
    if (type !== 'trit') continue;
    bytes += Math.ceil(nIn / 5) * rows;
    weights += nIn * nOut;
  }
  return weights && (bytes * 8) / weights;
}

/**
 * @param {Info['model']} model
 * @param {Record<string, string>} metadata
 * @returns {string}
 */
function bitsWords(model, metadata) {
  const whole = (model.fileBytes * 8) / model.parameters;
  const ternary = ternaryBits(metadata);
  return ternary ? `${ternary.toFixed(2)} ternary, ${whole.toFixed(2)} overall` : whole.toFixed(1);
}

/** @param {string} file of the model @returns {string} what to write in an app that uses it */
const snippetOf = (file) => `import { Classifier } from 'vit158';

const vit = await Classifier.load('${file.replace(/['\\]/g, '\\$&')}', { worker: true });
const { predictions } = await vit.classify(image);   // a file, <img>, <canvas>, <video>, ...
console.log(predictions[0].label, predictions[0].score);`;

/** @param {Entry} entry @returns {string} */
function pickerWords({ title, classes, bytes, accuracy, licence }) {
  const known = classes && !/\bclasses\b/.test(title) ? [`${classes.toLocaleString('en')} classes`] : [];
  const share = accuracy?.match(/^[\d.]+ ?%/)?.[0]; // of what is said below
  return [title, ...known, share, size(bytes), licence].filter(Boolean).join(' · ');
}

/**
 * @param {Info} info
 * @param {string} thread       'worker' or 'page'
 * @param {Entry | null} entry
 * @returns {string[]}  in the order of the rows in index.html
 */
function factsOf({ model, metadata, engine, threads, memoryBytes }, thread, entry) {
  const share = Math.round((100 * model.ternaryParameters) / model.parameters);
  const module = engine === 'simd128' ? 'WebAssembly SIMD' : 'WebAssembly, no SIMD';
  const place = thread === 'worker' ? 'in a worker' : 'on the page';
  return [
    model.classes.toLocaleString('en'),
    untrainedWords(metadata) || (metadata.dataset ?? entry?.dataset ?? 'not stated'),
    metadata.accuracy ?? entry?.accuracy ?? 'not stated',
    entry?.licence ?? metadata.license ?? 'not stated',
    `${count(model.parameters)}, ${share ? `${share}% ternary` : 'float'}`,
    size(model.fileBytes),
    bitsWords(model, metadata),
    size(memoryBytes),
    `${model.depth} blocks, width ${model.dim}, ${model.heads} heads`,
    `${model.imageSize} × ${model.imageSize} pixels`,
    `${module}, ${threads > 1 ? `${threads} threads` : place}`,
  ];
}

export class Models {
  /** @type {HTMLSelectElement} */
  #select = byId('model-select');
  /** @type {Entry[]} */
  #entries = [];
  /** Index of the entry in use, LOCAL or NONE. */
  #inUse = NONE;

  /**
   * @param {{onPick: (entry: Entry) => void, onCancel: () => void, onRetry: () => void,
   *          onCard: (file: string) => void}} handlers
   */
  constructor({ onPick, onCancel, onRetry, onCard }) {
    this.#select.addEventListener('change', () => {
      const entry = this.#entries[Number(this.#select.value)];
      if (entry) onPick(entry);
    });
    byId('load-cancel').addEventListener('click', onCancel);
    byId('load-retry').addEventListener('click', onRetry);
    byId('load-close').addEventListener('click', () => this.showIdle());
    copyButton('copy-snippet', () => byId('use-snippet').textContent ?? '');
    byId('open-card').addEventListener('click', () => onCard(`models/${this.#entries[this.#inUse].card}`));
  }

  /** @param {Entry[]} entries */
  setEntries(entries) {
    this.#entries = entries;
    this.#select.replaceChildren(
      ...entries.map((entry, i) => {
        const option = /** @type {HTMLOptionElement} */ (element('option', '', pickerWords(entry)));
        option.value = String(i);
        return option;
      }),
    );
  }

  /** @param {string} words */
  showBusy(words) {
    this.#setState('busy', words);
    this.#setDone(0);
  }

  /** @param {import('./service_messages.js').ProgressEvent} progress @param {number} ms since it began */
  showProgress({ loaded, total }, ms) {
    byId('load-words').textContent = total
      ? `${size(loaded)} of ${size(total)}${timeLeft(loaded, total, ms)}`
      : size(loaded);
    this.#setDone(total ? loaded / total : 0);
  }

  /** Back to the model that was in use. @param {string} [words] */
  showIdle(words = '') {
    this.#setState('idle', words);
    if (this.#inUse !== NONE) this.#select.value = String(this.#inUse);
  }

  /**
   * @param {{code: string, message: string}} error
   * @param {boolean} keepsAnother  a model loaded before is still in use
   * @param {string} [name]         of a local file
   */
  showError({ code, message }, keepsAnother, name) {
    const { title, hint } = modelWords(code);
    this.showIdle();
    byId('trouble').hidden = false;
    byId('trouble-title').textContent = title;
    const what = sentence(name ? `${name}: ${message}` : message);
    const before = keepsAnother ? ' The model before stays in use.' : '';
    byId('trouble-words').textContent = `${what} ${hint}${before}`;
    byId('load-close').hidden = !keepsAnother;
  }

  /**
   * @param {Info} info
   * @param {string} thread
   * @param {Entry | null} entry  null for a file of the visitor's
   * @param {string} name   of that file
   * @param {string} words  beside the picker
   */
  showFacts(info, thread, entry, name, words) {
    this.#inUse = entry ? this.#entries.indexOf(entry) : LOCAL;
    this.#select.querySelector(`[value="${LOCAL}"]`)?.remove();
    if (!entry) {
      const option = /** @type {HTMLOptionElement} */ (element('option', '', name));
      option.value = String(LOCAL);
      this.#select.append(option);
    }
    this.showIdle(words);
    byId('use-snippet').textContent = snippetOf(entry?.file ?? name);
    const rows = byId('facts').querySelectorAll('dd');
    factsOf(info, thread, entry).forEach((value, i) => (rows[i].textContent = value));
    /** @type {HTMLButtonElement} */ (byId('open-card')).disabled = !entry?.card;
  }

  /** @param {string} state @param {string} words */
  #setState(state, words) {
    byId('load').dataset.state = state;
    byId('load-words').textContent = words;
    byId('trouble').hidden = true;
  }

  /** @param {number} share */
  #setDone(share) {
    const bar = byId('load-bar');
    bar.style.setProperty('--done', String(share));
    bar.setAttribute('aria-valuenow', String(Math.round(share * 100)));
  }
}
