// SPDX-License-Identifier: MIT
// How many patches that are alike the model merges: a choice of the lists that its file has, for still
// images and live ones. Live images have the first of them until someone chooses.
import { MERGE_NAMES, mergeKey } from '../lib/merges.js';
import { byId, element } from './dom.js';

export class MergeSwitch {
  /** @type {HTMLSelectElement} */
  #select = /** @type {any} */ (byId('merge'));
  /** @type {string[]} */
  #names = [];
  #isChosen = false;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#select.addEventListener('change', () => {
      this.#isChosen = true;
      onChange();
    });
  }

  /** What is chosen stays if the model has it. @param {Record<string, string>} metadata */
  setModel(metadata) {
    const before = this.#select.value;
    this.#names = MERGE_NAMES.filter((name) => metadata[mergeKey(name)] !== undefined);
    const [none] = this.#select.children;
    this.#select.replaceChildren(none, ...this.#names.map((name) => element('option', '', [name])));
    this.#select.value = this.#names.includes(before) ? before : 'off';
    byId('merge-line').toggleAttribute('data-none', this.#names.length === 0); // its place stays
  }

  /** Of still images. */
  get still() {
    return this.#select.value;
  }

  /** Of the camera and videos. */
  get live() {
    return this.#isChosen ? this.still : (this.#names[0] ?? 'off');
  }
}
