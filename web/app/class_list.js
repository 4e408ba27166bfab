// SPDX-License-Identifier: MIT
// All that a model can name: a sentence at the top of its card, and, if they are too many for one, a
// list to look things up in.
import { byId, element } from './dom.js';
import { labelParts } from './format.js';
import { scopeWords } from './messages.js';

export class ClassList {
  /** @type {HTMLDetailsElement} */
  #box = byId('classes');
  /** @type {HTMLInputElement} */
  #wanted = byId('classes-wanted');
  /** @type {string[]} */
  #labels = [];

  constructor() {
    this.#box.addEventListener('toggle', () => this.#draw());
    this.#wanted.addEventListener('input', () => this.#draw());
  }

  /** @param {string[]} labels of the model in use */
  setModel(labels) {
    this.#labels = labels;
    byId('scope').textContent = scopeWords(labels);
    this.#box.hidden = labels.length <= 24 || !labels.some(Boolean);
    this.#wanted.value = '';
    this.#draw();
  }

  #draw() {
    if (!this.#box.open || this.#box.hidden) return;
    const wanted = this.#wanted.value.trim().toLowerCase();
    const found = this.#labels.filter((label) => label.toLowerCase().includes(wanted));
    byId('classes-count').textContent = wanted
      ? `${found.length.toLocaleString('en')} of ${this.#labels.length.toLocaleString('en')}`
      : '';
    byId('classes-list').replaceChildren(...found.map((label, i) => element('li', '', labelParts(label, i)[0])));
  }
}
