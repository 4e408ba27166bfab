// SPDX-License-Identifier: MIT
// The strip of sample pictures, from models/samples/samples.json.
import { byId, element } from './dom.js';
import { fetchSample, sampleUrl } from './resources.js';

/**
 * @typedef {object} Sample
 * @property {string} file
 * @property {string} title
 */

export class Samples {
  /** @type {HTMLElement[]} */
  #buttons = [];
  /**
   * The button last clicked, unless a picture from elsewhere came since.
   * @type {HTMLElement | null}
   */
  #wanted = null;
  #handlers;

  /**
   * @param {Sample[]} samples
   * @param {{onPick: (file: File, sample: string) => void, onProblem: (title: string, words: string) => void}} handlers
   */
  constructor(samples, handlers) {
    this.#handlers = handlers;
    this.#buttons = samples.map(({ file, title }) => {
      const image = /** @type {HTMLImageElement} */ (element('img'));
      image.src = sampleUrl(file);
      image.alt = '';
      image.width = image.height = 64;
      image.decoding = 'async';
      const button = element('button', 'sample', [image]);
      button.setAttribute('type', 'button');
      button.setAttribute('aria-label', `Sample picture: ${title}`);
      button.setAttribute('aria-pressed', 'false');
      button.title = title;
      button.dataset.file = file;
      button.addEventListener('click', () => this.#pick(button, file, title));
      return button;
    });
    byId('samples').replaceChildren(...this.#buttons.map((button) => element('li', '', [button])));
  }

  /** Marks what is shown. @param {string | undefined} sample  its file, if it is of the strip */
  show(sample) {
    const button = this.#buttons.find(({ dataset }) => dataset.file === sample) ?? null;
    for (const one of this.#buttons) one.setAttribute('aria-pressed', String(one === button));
  }

  /** A picture from elsewhere is about to come. */
  release() {
    this.#mark(null);
  }

  /** Picks the first sample, so that the page opens with an answer. */
  pickFirst() {
    this.#buttons[0]?.click();
  }

  /**
   * @param {HTMLElement} button
   * @param {string} file
   * @param {string} title
   */
  async #pick(button, file, title) {
    this.#mark(button);
    try {
      const blob = await fetchSample(file);
      if (this.#wanted !== button) return;
      this.#handlers.onPick(new File([blob], title, { type: blob.type }), file);
    } catch (error) {
      if (this.#wanted !== button) return;
      this.#mark(null);
      this.#handlers.onProblem('Could not fetch that sample', /** @type {Error} */ (error).message);
    }
  }

  /** @param {HTMLElement | null} wanted */
  #mark(wanted) {
    this.#wanted = wanted;
    for (const button of this.#buttons)
      button.setAttribute('aria-pressed', String(button === wanted));
  }
}
