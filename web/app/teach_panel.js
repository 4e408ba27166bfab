// SPDX-License-Identifier: MIT
// "Teach it yours": a few pictures for each class of the visitor's own. The model stays as it is;
// what it makes of a picture before its own classes come in is compared here, in the page.
import { byId, element } from './dom.js';
import { percent } from './format.js';
import { OwnClassView, THUMBNAIL_SIDE } from './own_class_view.js';
import { saveFile } from './save_file.js';
import { classify, fromBase64, fromFile, normalise, toFile } from './teach.js';
import { drawSquare } from './thumbnails.js';

const MARKUP = `
  <div class="card-head">
    <h2 class="label">Teach it your own classes</h2>
    <div class="many-actions">
      <button id="teach-open" class="button small" type="button">Open</button>
      <button id="teach-save" class="button small" type="button" disabled>Save</button>
      <input id="teach-file" type="file" accept=".json,application/json" aria-label="File of classes" tabindex="-1" hidden>
    </div>
  </div>
  <p class="quiet teach-lead">Give two classes or more a few pictures each: the one in use, the camera’s, or files
    dropped on a class. Nothing is trained; each picture becomes a list of numbers, and like goes to like.</p>
  <p id="teach-words" class="quiet" role="status"></p>
  <div id="teach-answer" class="teach-answer">
    <div class="looked-head">
      <h3 class="label">The picture in use</h3>
      <label class="quiet teach-method">Compare with
        <select id="teach-method"><option value="centroid">the mean of each class</option><option value="neighbours">the 5 nearest pictures</option></select></label>
    </div>
    <p id="teach-verdict" class="teach-verdict">–</p>
    <ol id="teach-bars" class="teach-bars"></ol>
  </div>
  <ul id="teach-classes" class="teach-classes"></ul>
  <button id="teach-new" class="button teach-new" type="button">Add a class</button>`;

/** A picture that any model takes; its logits tell models apart, in every browser alike. */
const PROBE = {
  data: Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 37) ^ (i >> 3)),
  width: 16,
  height: 16,
};

/** @typedef {import('./teach.js').Example & {canvas: HTMLCanvasElement}} Shown */
/** @typedef {{view: OwnClassView, examples: Shown[]}} Taught */

class TeachPanel {
  #shared;
  /** @type {Taught[]} */
  #classes = [];
  /** Files are added one after the other. @type {Promise<void>} */
  #turn = Promise.resolve();
  /** @type {HTMLSelectElement} */
  #method;

  /** @param {import('./panels.js').Shared} shared */
  constructor(shared) {
    this.#shared = shared;
    byId('panel-teach').innerHTML = MARKUP;
    this.#method = byId('teach-method');
    this.#method.addEventListener('change', () => this.#draw());
    byId('teach-new').addEventListener('click', () =>
      this.#addClass(`Class ${this.#classes.length + 1}`).view.focus(),
    );
    byId('teach-save').addEventListener('click', () => this.#save());
    /** @type {HTMLInputElement} */
    const input = byId('teach-file');
    byId('teach-open').addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      if (input.files?.[0]) this.#open(input.files[0]);
      input.value = '';
    });
    this.#addClass('Class 1');
    this.#addClass('Class 2');
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    if (isOpen) this.#draw();
  }

  useModel() {
    const had = this.#classes.some(({ examples }) => examples.length > 0);
    for (const one of this.#classes) this.#setExamples(one, []);
    if (had) this.#say('Another model sees other things: please give it the pictures again.');
    this.#draw();
  }

  look() {
    this.#draw();
  }

  /** @param {string} name @returns {Taught} */
  #addClass(name) {
    /** @type {Taught} */
    const made = {
      examples: [],
      view: new OwnClassView(name, {
        onPicture: () => this.#queue(() => this.#addCurrent(made)),
        onFiles: (files) => this.#queue(() => this.#addFiles(made, files)),
        onRename: () => this.#draw(),
        onRemove: () => {
          made.view.node.remove();
          this.#classes = this.#classes.filter((one) => one !== made);
          this.#draw();
          byId('teach-new').focus();
        },
      }),
    };
    this.#classes.push(made);
    byId('teach-classes').append(made.view.node);
    this.#draw();
    return made;
  }

  /** @param {() => Promise<void>} work */
  #queue(work) {
    this.#turn = this.#turn
      .then(work)
      .catch((error) => this.#say(/** @type {Error} */ (error).message));
  }

  /** @param {{file?: Blob, pixels?: import('./service_messages.js').PixelData}} source not shown */
  #ask(source) {
    const wanted = { image: 0, topK: 0, runs: 1, wantsPreview: false, wantsAttention: false };
    return this.#shared.service.classify({ ...source, ...wanted });
  }

  /** @param {Taught} to */
  async #addCurrent(to) {
    const outcome = this.#shared.shown.current?.outcome;
    if (!outcome) return this.#say('There is no picture yet.');
    this.#setExamples(to, [...to.examples, exampleOf(outcome)]);
    this.#say(`${to.view.name} has it.`);
    return undefined;
  }

  /** @param {Taught} to @param {File[]} files */
  async #addFiles(to, files) {
    const bad = [];
    for (const [i, file] of files.entries()) {
      this.#say(`Adding ${i + 1} of ${files.length} to ${to.view.name}…`);
      try {
        this.#setExamples(to, [...to.examples, exampleOf(await this.#ask({ file }))]);
      } catch {
        bad.push(file.name);
      }
    }
    const added = files.length - bad.length;
    const failed = bad.length ? ` Could not read ${bad.slice(0, 3).join(', ')}.` : '';
    this.#say(`${to.view.name} has ${added} more.${failed}`);
  }

  /** @param {Taught} to @param {Shown[]} examples */
  #setExamples(to, examples) {
    to.examples = examples;
    to.view.setPictures(examples.map(({ canvas }) => canvas));
    this.#draw();
  }

  #draw() {
    const filled = this.#classes.filter(({ examples }) => examples.length > 0);
    const embedding = this.#shared.shown.current?.outcome?.embedding;
    const isReady = filled.length >= 2 && embedding !== undefined;
    /** @type {HTMLButtonElement} */ (byId('teach-save')).disabled = filled.length === 0;
    const named = this.#classes.map(({ view, examples }) => ({ name: view.name, examples }));
    const matches = isReady
      ? classify(
          named,
          embedding,
          /** @type {import('./teach.js').Method} */ (this.#method.value),
        )
      : [];
    byId('teach-verdict').textContent = isReady ? named[matches[0].index].name : 'Two classes with pictures are needed';
    byId('teach-answer').dataset.state = isReady ? 'done' : 'waiting';
    byId('teach-bars').replaceChildren(
      ...matches.slice(0, 5).map(({ index, share, similarity }) => {
        const fill = element('div', 'bar-fill');
        fill.style.setProperty('--score', String(share));
        const row = element('li', 'bar', [
          element('span', 'bar-label', named[index].name),
          element('span', 'bar-score', percent(share)),
          element('div', 'bar-track', [fill]),
        ]);
        row.title = `Cosine similarity ${similarity.toFixed(3)}`;
        return row;
      }),
    );
  }

  /** @param {string} words */
  #say(words) {
    byId('teach-words').textContent = words;
  }

  /** @returns {Promise<string>} of the model in use: the hash of its logits for PROBE */
  async #fingerprint() {
    const pixels = { ...PROBE, data: PROBE.data.slice() };
    return (await this.#ask({ pixels })).logitsSha256;
  }

  async #save() {
    const classes = this.#classes.map(({ view, examples }) => ({
      name: view.name,
      examples: examples.map(({ embedding, canvas }) => ({
        embedding,
        thumbnail: canvas.toDataURL('image/jpeg', 0.8).replace(/.*,/, ''),
      })),
    }));
    const content = toFile(classes, await this.#fingerprint());
    saveFile('my-classes.vit158.json', 'application/json', content);
  }

  /** @param {File} file */
  async #open(file) {
    const { model } = this.#shared;
    if (!model) return;
    try {
      const fingerprint = await this.#fingerprint();
      const { dim } = model.facts.info.model;
      const classes = fromFile(await file.text(), fingerprint, dim);
      for (const { view } of this.#classes) view.node.remove();
      this.#classes = [];
      for (const { name, examples } of classes) {
        const shown = examples.map((example) => ({ ...example, canvas: pictureOf(example) }));
        this.#setExamples(this.#addClass(name), shown);
      }
      this.#say(`${file.name}: ${classes.length} classes.`);
    } catch (error) {
      this.#say(`${file.name}: ${/** @type {Error} */ (error).message}`);
    }
  }
}

/** @returns {HTMLCanvasElement} */
function newThumbnail() {
  const canvas = /** @type {HTMLCanvasElement} */ (element('canvas', 'teach-thumb'));
  canvas.width = canvas.height = THUMBNAIL_SIDE;
  return canvas;
}

/** @param {import('./service_messages.js').Outcome} outcome with embedding and input @returns {Shown} */
function exampleOf({ embedding, input }) {
  const canvas = newThumbnail();
  if (input) {
    const picture = document.createElement('canvas');
    picture.width = input.width;
    picture.height = input.height;
    const image = new ImageData(input.width, input.height);
    image.data.set(input.data);
    picture.getContext('2d')?.putImageData(image, 0, 0);
    drawSquare(canvas, picture);
  }
  return { embedding: normalise(embedding ?? []), thumbnail: '', canvas };
}

/** @param {import('./teach.js').Example} example @returns {HTMLCanvasElement} drawn a little later */
function pictureOf({ thumbnail }) {
  const canvas = newThumbnail();
  const bytes = fromBase64(thumbnail);
  if (bytes?.length)
    createImageBitmap(new Blob([bytes], { type: 'image/jpeg' })).then(
      (bitmap) => drawSquare(canvas, bitmap),
      () => {}, // a square without a picture will do
    );
  return canvas;
}

/** @param {import('./panels.js').Shared} shared @returns {import('./panels.js').Panel} */
export const open = (shared) => new TeachPanel(shared);
