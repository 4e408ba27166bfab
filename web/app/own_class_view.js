// SPDX-License-Identifier: MIT
// One class of the visitor's own: its name, its pictures, and ways to give it more.
import { element, icon } from './dom.js';
import { MOST_NAME } from './teach.js';

/** Small pictures that are shown, the latest first. */
const MOST_SHOWN = 7;
export const THUMBNAIL_SIDE = 64;

/**
 * @typedef {object} Handlers
 * @property {() => void} onPicture             give it the picture on the stage
 * @property {(files: File[]) => void} onFiles  give it these
 * @property {() => void} onRename
 * @property {() => void} onRemove
 */

export class OwnClassView {
  #name = /** @type {HTMLInputElement} */ (element('input', 'teach-name'));
  #thumbs = element('div', 'teach-thumbs');
  #count = element('span', 'quiet teach-count');
  /** @type {HTMLCanvasElement[]} */
  #pictures = [];

  /** @param {string} name @param {Handlers} handlers */
  constructor(name, { onPicture, onFiles, onRename, onRemove }) {
    this.#name.value = name;
    this.#name.maxLength = MOST_NAME;
    this.#name.setAttribute('aria-label', 'Name of the class');
    this.#name.addEventListener('input', onRename);
    const input = /** @type {HTMLInputElement} */ (element('input'));
    Object.assign(input, { type: 'file', accept: 'image/*', multiple: true, hidden: true });
    input.setAttribute('aria-label', 'Pictures of the class');
    input.addEventListener('change', () => {
      onFiles([...(input.files ?? [])]);
      input.value = '';
    });
    const remove = button([icon('close')], onRemove);
    remove.classList.add('teach-remove');
    remove.setAttribute('aria-label', 'Remove this class');
    this.node = element('li', 'teach-class', [
      this.#name,
      remove,
      this.#thumbs,
      element('div', 'teach-add', [
        button('Add this picture', onPicture),
        button('Add files', () => input.click()),
        this.#count,
        input,
      ]),
    ]);
    this.#takeDrops(onFiles);
    this.#draw();
  }

  get name() {
    return this.#name.value.trim() || 'Unnamed';
  }

  /** @param {HTMLCanvasElement[]} pictures one for each example */
  setPictures(pictures) {
    this.#pictures = pictures;
    this.#draw();
  }

  focus() {
    this.#name.focus();
    this.#name.select();
  }

  /** @param {(files: File[]) => void} onFiles */
  #takeDrops(onFiles) {
    const mark = (/** @type {boolean} */ on) => this.node.classList.toggle('is-target', on);
    this.node.addEventListener('dragover', () => mark(true));
    this.node.addEventListener('dragleave', () => mark(false));
    this.node.addEventListener('drop', (event) => {
      mark(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault(); // the page leaves a drop alone that someone has taken
      onFiles(files);
    });
  }

  #draw() {
    const count = this.#pictures.length;
    this.#thumbs.replaceChildren(...this.#pictures.slice(-MOST_SHOWN).reverse());
    this.#count.textContent = count === 1 ? '1 picture' : `${count} pictures`;
    this.#thumbs.hidden = count === 0;
  }
}

/** @param {string | Node[]} content @param {() => void} onClick @returns {HTMLElement} */
function button(content, onClick) {
  const made = element('button', 'button small', content);
  made.setAttribute('type', 'button');
  made.addEventListener('click', onClick);
  return made;
}
