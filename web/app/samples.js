// SPDX-License-Identifier: MIT
// The strip of sample images of a model, and who made them.
import { byId, element } from './dom.js';
import { fetchSample, sampleUrl } from './resources.js';

/**
 * @typedef {object} Sample
 * @property {string} file
 * @property {string} title
 * @property {string} [author]    of a photo under a licence that asks for the name
 * @property {string} [original]  its address
 * @property {string} [licence]
 */

export class Samples {
  /** @type {HTMLElement[]} */
  #buttons = [];
  /**
   * The button last clicked, unless an image from elsewhere came since.
   * @type {HTMLElement | null}
   */
  #wanted = null;
  /** The button of what is shown. @type {HTMLElement | null} */
  #shown = null;
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
      button.title = title;
      button.dataset.file = file;
      button.addEventListener('click', () => this.#pick(button, file, title));
      return button;
    });
    this.#mark();
    byId('samples-block').hidden = samples.length === 0;
    // Ten stand in two rows where it is narrow, fewer than seven in one.
    byId('samples').style.setProperty('--columns', String(samples.length < 7 ? samples.length : 5));
    byId('samples').style.setProperty('--columns-wide', String(samples.length));
    byId('samples-credits').replaceChildren(...credits(samples));
    byId('samples').replaceChildren(...this.#buttons.map((button) => element('li', '', [button])));
  }

  /**
   * Presses the button of what is shown, and of nothing else: a button that was only clicked is busy.
   * @param {string | undefined} sample  its file, if it is of the strip
   */
  show(sample) {
    this.#shown = this.#buttons.find(({ dataset }) => dataset.file === sample) ?? null;
    this.#mark();
  }

  /** An image from elsewhere is about to come. */
  release() {
    this.#want(null);
  }

  /** @param {string} sample  its file @returns {boolean} */
  has(sample) {
    return this.#buttons.some(({ dataset }) => dataset.file === sample);
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
    this.#want(button);
    try {
      const blob = await fetchSample(file);
      if (this.#wanted !== button) return;
      this.#handlers.onPick(new File([blob], title, { type: blob.type }), file);
    } catch (error) {
      if (this.#wanted !== button) return;
      this.release();
      this.#handlers.onProblem('Could not fetch that sample', /** @type {Error} */ (error).message);
    }
  }

  /** @param {HTMLElement | null} wanted */
  #want(wanted) {
    this.#wanted = wanted;
    this.#mark();
  }

  #mark() {
    for (const button of this.#buttons) {
      button.setAttribute('aria-pressed', String(button === this.#shown));
      button.setAttribute('aria-busy', String(button === this.#wanted && button !== this.#shown));
    }
  }
}

/** "Photos: A, B, C (CC BY 2.0)", each name a link to its image. @param {Sample[]} samples */
function credits(samples) {
  const named = samples.filter(({ author }) => author);
  if (named.length === 0) return [];
  const links = named.flatMap(({ author = '', original = '' }, i) => {
    const link = /** @type {HTMLAnchorElement} */ (element('a', '', author));
    link.href = original;
    link.rel = 'noreferrer';
    return i ? [', ', link] : [link];
  });
  return ['Photos: ', ...links, ` (${[...new Set(named.map(({ licence }) => licence))].join(', ')})`];
}
