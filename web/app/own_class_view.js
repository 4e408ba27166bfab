// SPDX-License-Identifier: MIT
// One class of the visitor's own: its name, its images, and ways to give it more.
import { element, icon } from './dom.js';
import { MOST_NAME } from './teach.js';

/** Small images that are shown, the latest first. */
const MOST_SHOWN = 60;
export const THUMBNAIL_SIDE = 64;

/**
 * @typedef {object} Handlers
 * @property {() => void} onPicture             give it the image on the stage
 * @property {(on: boolean) => void} onRecord   give it live images as long as it is held
 * @property {(files: File[]) => void} onFiles  give it these
 * @property {(index: number) => void} onDrop   take this image away
 * @property {() => void} onRename
 * @property {() => void} onRemove
 */

export class OwnClassView {
  #name = /** @type {HTMLInputElement} */ (element('input', 'teach-name'));
  #thumbs = element('div', 'teach-thumbs');
  #count = element('span', 'quiet teach-count');
  #record;
  #onDrop;

  /** @param {string} name @param {Handlers} handlers */
  constructor(name, { onPicture, onRecord, onFiles, onDrop, onRename, onRemove }) {
    this.#onDrop = onDrop;
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
    this.#record = holdButton('Hold to record', onRecord);
    this.node = element('li', 'teach-class', [
      this.#name,
      remove,
      this.#thumbs,
      element('div', 'teach-add', [
        button('Add this picture', onPicture),
        this.#record,
        button('Add files', () => input.click()),
        this.#count,
        input,
      ]),
    ]);
    this.#takeDrops(onFiles);
    this.setPictures([]);
    this.setLive(false);
  }

  get name() {
    return this.#name.value.trim() || 'Unnamed';
  }

  /** @param {HTMLCanvasElement[]} pictures one for each example */
  setPictures(pictures) {
    const shown = pictures.map((canvas, i) => {
      const one = button([canvas], () => this.#onDrop(i));
      one.className = 'teach-drop';
      one.title = 'Take this picture away';
      one.setAttribute('aria-label', `Take picture ${i + 1} away`);
      return one;
    });
    this.#thumbs.replaceChildren(...shown.slice(-MOST_SHOWN).reverse());
    const count = pictures.length;
    this.#count.textContent = count === 1 ? '1 picture' : `${count} pictures`;
    this.#thumbs.hidden = count === 0;
  }

  /** @param {boolean} on  live images are on the stage */
  setLive(on) {
    this.#record.hidden = !on;
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
}

/** @param {string | Node[]} content @param {() => void} onClick @returns {HTMLElement} */
function button(content, onClick) {
  const made = element('button', 'button small', content);
  made.setAttribute('type', 'button');
  made.addEventListener('click', onClick);
  return made;
}

/**
 * On while it is held, by pointer or by Space or Enter.
 * @param {string} words
 * @param {(on: boolean) => void} onHold
 * @returns {HTMLElement}
 */
function holdButton(words, onHold) {
  const made = button(words, () => {});
  const hold = (/** @type {boolean} */ on) => {
    made.setAttribute('aria-pressed', String(on));
    onHold(on);
  };
  made.setAttribute('aria-pressed', 'false');
  made.addEventListener('pointerdown', (event) => {
    made.setPointerCapture(event.pointerId);
    hold(true);
  });
  for (const end of ['pointerup', 'pointercancel', 'blur']) made.addEventListener(end, () => hold(false));
  const isKey = (/** @type {KeyboardEvent} */ { key }) => key === ' ' || key === 'Enter';
  made.addEventListener('keydown', (event) => {
    if (isKey(event) && !event.repeat) hold(true);
  });
  made.addEventListener('keyup', (event) => {
    if (isKey(event)) hold(false);
  });
  return made;
}
