// SPDX-License-Identifier: MIT
// "Teach it yours": a few images for each class of the visitor's own. The model stays as it is; what
// it makes of an image before its own classes come in is compared in the page, by the library's
// OwnClasses. What was taught is kept in the browser for each model, and goes into a file.
import { readClasses, classesText } from '../lib/classes_file.js';
import { OwnClasses } from '../lib/own_classes.js';
import { yieldToEventLoop } from '../lib/platform.js';
import { sha256Hex } from '../lib/sha256.js';
import { byId, element } from './dom.js';
import { percent } from './format.js';
import { OwnClassView, THUMBNAIL_SIDE } from './own_class_view.js';
import { modelBlob } from './resources.js';
import { saveFile } from './save_file.js';
import { classesFile, fromBase64, leaveOneOut, taughtOf } from './teach.js';
import { classFolders } from './teach_images.js';
import { MARKUP } from './teach_markup.js';
import { keepClasses, keptClasses } from './teach_store.js';
import { drawSquare } from './thumbnails.js';
import { zipParts } from './zip_write.js';

/** Changes are kept after this many milliseconds of peace. */
const KEEP_AFTER_MS = 250;
/** Live images that are taken in a second while the button is held. */
const RECORDED_PER_SECOND = 8;
/** Beyond so many images the table of confusions takes too long. */
const MOST_COMPARED = 300;

/** @typedef {import('./teach.js').Example & {canvas: HTMLCanvasElement}} Shown */
/** @typedef {{view: OwnClassView, examples: Shown[]}} Class */
/** @typedef {import('./teach.js').Taught} Taught */

class TeachPanel {
  #shared;
  /** @type {Class[]} */
  #classes = [];
  /** Files are added one after the other. @type {Promise<void>} */
  #turn = Promise.resolve();
  /** @type {HTMLSelectElement} */
  #method;
  /** @type {HTMLInputElement} */
  #unlike;
  /** SHA-256 of the model that the classes on show belong to, '' while it is not known. */
  #sha256 = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #keepTimer;
  /** What was there before something was taken away. @type {Taught | null} */
  #before = null;
  /** Takes live images while its button is held. @type {Class | null} */
  #recording = null;
  #recordedAt = 0;
  /** Counts changes, so that a table of confusions that comes late is dropped. */
  #version = 0;
  /** What compares, made anew after a change. @type {{version: number, own: OwnClasses} | null} */
  #matcher = null;

  /** @param {import('./panels.js').Shared} shared */
  constructor(shared) {
    this.#shared = shared;
    byId('panel-teach').innerHTML = MARKUP;
    this.#method = byId('teach-method');
    this.#unlike = byId('teach-unlike');
    for (const control of [this.#method, this.#unlike]) control.addEventListener('input', () => this.#changed());
    byId('teach-new').addEventListener('click', () => {
      const made = this.#addClass(`Class ${this.#classes.length + 1}`);
      this.#changed();
      made.view.focus();
    });
    byId('teach-save').addEventListener('click', () => this.#save());
    byId('teach-pictures').addEventListener('click', () => this.#savePictures());
    byId('teach-undo').addEventListener('click', () => this.#undo());
    /** @type {HTMLInputElement} */
    const input = byId('teach-file');
    byId('teach-open').addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      if (input.files?.[0]) this.#open(input.files[0]);
      input.value = '';
    });
    this.#show({ method: 'centroid', unlike: -1, classes: [] });
    this.useModel();
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    if (isOpen) this.#draw();
    else this.#recording = null;
  }

  /** The classes kept for the model in use; those of the one before are kept for it. */
  async useModel() {
    await this.#keepNow();
    const { model } = this.#shared;
    if (!model) return;
    this.#sha256 = '';
    this.#setBefore(null);
    this.#show({ method: 'centroid', unlike: -1, classes: [] });
    const { source } = model;
    const sha256 = source.sha256 ?? (await sha256Hex(await (await modelBlob(source)).arrayBuffer()));
    const kept = await keptClasses(sha256);
    if (model !== this.#shared.model) return; // another one meanwhile
    this.#sha256 = sha256;
    const meanwhile = this.#taught().classes.filter(({ examples }) => examples.length > 0);
    if (!kept) return meanwhile.length > 0 ? this.#keepLater() : undefined;
    this.#show({ ...kept, classes: [...kept.classes, ...meanwhile] });
    if (meanwhile.length > 0) this.#keepLater();
    const pictures = kept.classes.reduce((sum, { examples }) => sum + examples.length, 0);
    if (pictures) this.#say(`Your ${kept.classes.length} classes for this model are back, with ${pictures} pictures.`);
    return undefined;
  }

  /** Another image is shown, or its answer has come. */
  look() {
    const { shown } = this.#shared;
    for (const { view } of this.#classes) view.setLive(shown.isLive);
    const outcome = shown.current?.outcome;
    const now = performance.now();
    if (this.#recording && shown.isLive && outcome && now - this.#recordedAt > 1000 / RECORDED_PER_SECOND) {
      this.#recordedAt = now;
      this.#recording.examples.push(exampleOf(outcome));
      this.#changed(this.#recording);
      this.#say(`${this.#recording.view.name}: ${this.#recording.examples.length} pictures.`);
    } else this.#draw();
  }

  /** @param {string} name @param {Shown[]} [examples] @returns {Class} */
  #addClass(name, examples = []) {
    /** @type {Class} */
    const made = {
      examples,
      view: new OwnClassView(name, {
        onPicture: () => this.#queue(() => this.#addCurrent(made)),
        onRecord: (on) => {
          this.#recording = on ? made : null;
        },
        onFiles: (files) => this.#queue(() => this.#addFiles(made, files)),
        onDrop: (index) => {
          this.#setBefore(this.#taught());
          made.examples.splice(index, 1);
          this.#changed(made);
          this.#say(`A picture of ${made.view.name} is gone.`);
          byId('teach-undo').focus();
        },
        onRename: () => this.#changed(),
        onRemove: () => {
          this.#setBefore(this.#taught());
          made.view.node.remove();
          this.#classes = this.#classes.filter((one) => one !== made);
          this.#changed();
          this.#say(`${made.view.name} is gone.`);
          byId('teach-undo').focus();
        },
      }),
    };
    this.#classes.push(made);
    byId('teach-classes').append(made.view.node);
    made.view.setPictures(examples.map(({ canvas }) => canvas));
    made.view.setLive(this.#shared.shown.isLive);
    return made;
  }

  /** @returns {Taught} what is on show, to be kept */
  #taught() {
    return {
      method: /** @type {import('./teach.js').Method} */ (this.#method.value),
      unlike: Number(this.#unlike.value) / 100,
      classes: this.#classes.map(({ view, examples }) => ({
        name: view.name,
        examples: examples.map(({ vector, thumbnail, image }) => ({ vector, thumbnail, image })),
      })),
    };
  }

  /** @param {Taught} taught two classes at least are offered */
  #show({ method, unlike, classes }) {
    for (const { view } of this.#classes) view.node.remove();
    this.#classes = [];
    this.#method.value = method;
    this.#unlike.value = String(Math.round(100 * unlike));
    for (const { name, examples } of classes)
      this.#addClass(
        name,
        examples.map((example) => ({ ...example, canvas: pictureOf(example) })),
      );
    while (this.#classes.length < 2 && classes.length === 0) this.#addClass(`Class ${this.#classes.length + 1}`);
    this.#version++;
    this.#draw();
    this.#compare();
  }

  /** @param {Class} [one] whose images have changed */
  #changed(one) {
    one?.view.setPictures(one.examples.map(({ canvas }) => canvas));
    this.#version++;
    this.#keepLater();
    this.#draw();
    this.#compare();
  }

  #keepLater() {
    clearTimeout(this.#keepTimer);
    this.#keepTimer = setTimeout(() => this.#keepNow(), KEEP_AFTER_MS);
  }

  async #keepNow() {
    if (this.#keepTimer === undefined || !this.#sha256) return;
    clearTimeout(this.#keepTimer);
    this.#keepTimer = undefined;
    const isKept = await keepClasses(this.#sha256, this.#taught());
    byId('teach-kept').textContent = isKept
      ? 'Kept in this browser.'
      : 'This browser keeps nothing: save the file before you leave.';
  }

  /** @param {Taught | null} before */
  #setBefore(before) {
    this.#before = before;
    byId('teach-undo').hidden = before === null;
  }

  #undo() {
    if (!this.#before) return;
    this.#show(this.#before);
    this.#setBefore(null);
    this.#keepLater();
    this.#say('It is back.');
    byId('teach-new').focus();
  }

  /** @param {() => Promise<void>} work */
  #queue(work) {
    this.#turn = this.#turn.then(work).catch((error) => this.#say(/** @type {Error} */ (error).message));
  }

  /** @param {Class} to */
  async #addCurrent(to) {
    const outcome = this.#shared.shown.current?.outcome;
    if (!outcome) return this.#say('There is no picture yet.');
    to.examples.push(exampleOf(outcome));
    this.#changed(to);
    this.#say(`${to.view.name} has it.`);
    return undefined;
  }

  /** @param {Class} to @param {File[]} files */
  async #addFiles(to, files) {
    const bad = [];
    const { model } = this.#shared;
    for (const [i, file] of files.entries()) {
      this.#say(`Adding ${i + 1} of ${files.length} to ${to.view.name}…`);
      try {
        const wanted = { image: 0, topK: 0, runs: 1, wantsPreview: false, wantsAttention: false };
        const outcome = await this.#shared.service.classify({ file, ...wanted });
        if (model !== this.#shared.model) return; // what it sees is of another model
        to.examples.push(exampleOf(outcome));
        this.#changed(to);
      } catch {
        bad.push(file.name);
      }
    }
    const added = files.length - bad.length;
    const failed = bad.length ? ` Could not read ${bad.slice(0, 3).join(', ')}.` : '';
    const pictures = added === 1 ? '1 picture' : `${added} pictures`;
    this.#say(`${pictures} added to ${to.view.name}.${failed}`);
  }

  #draw() {
    const filled = this.#classes.filter(({ examples }) => examples.length > 0);
    const embedding = this.#shared.shown.current?.outcome?.embedding;
    for (const id of ['teach-save', 'teach-pictures'])
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = filled.length === 0;
    const { value } = this.#unlike;
    byId('teach-unlike-words').textContent =
      Number(value) > -100 ? `below a similarity of ${(Number(value) / 100).toFixed(2)}` : 'never';
    const found =
      filled.length >= 2 && embedding && filled[0].examples[0].vector.length === embedding.length
        ? this.#own().match(embedding)
        : null;
    const verdict = found?.unsure ? 'Unlike all of them' : found?.predictions[0].label;
    byId('teach-verdict').textContent = verdict ?? 'Two classes with pictures are needed';
    byId('teach-answer').dataset.state = found ? 'done' : 'waiting';
    byId('teach-bars').replaceChildren(
      ...(found?.predictions ?? []).map(({ label, score, similarity }) => {
        const fill = element('div', 'bar-fill');
        fill.style.setProperty('--score', String(score));
        const row = element('li', 'bar', [
          element('span', 'bar-label', label),
          element('span', 'bar-score', percent(score)),
          element('div', 'bar-track', [fill]),
        ]);
        row.title = `Cosine similarity ${similarity.toFixed(3)}`;
        return row;
      }),
    );
  }

  /** @returns {OwnClasses} of what is on show */
  #own() {
    if (this.#matcher?.version !== this.#version)
      this.#matcher = { version: this.#version, own: new OwnClasses(classesFile(this.#taught(), UNNAMED)) };
    return this.#matcher.own;
  }

  /** The table of what each class would be taken for, in the pauses of the page. */
  async #compare() {
    const version = this.#version;
    const taught = this.#taught();
    const box = byId('teach-confusion');
    const enough = taught.classes.filter(({ examples }) => examples.length > 1).length >= 2;
    const all = taught.classes.reduce((sum, { examples }) => sum + examples.length, 0);
    if (!enough || all > MOST_COMPARED) {
      box.hidden = true;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, KEEP_AFTER_MS));
    const isCurrent = () => version === this.#version;
    const confusion = isCurrent() && (await leaveOneOut(taught, { pause: yieldToEventLoop, isCurrent }));
    if (!confusion) return;
    const { counts, right, total } = confusion;
    const names = taught.classes.map(({ name }) => name);
    const head = (/** @type {string} */ words, /** @type {string} */ scope) => {
      const cell = element('th', '', words);
      cell.setAttribute('scope', scope);
      return cell;
    };
    byId('teach-confusion-words').textContent =
      `Each picture compared with the others: ${right} of ${total} would be named right.`;
    byId('teach-confusion-table').replaceChildren(
      element('thead', '', [element('tr', '', [element('td'), ...names.map((name) => head(name, 'col'))])]),
      element(
        'tbody',
        '',
        counts.map((row, c) =>
          element('tr', '', [
            head(names[c], 'row'),
            ...row.map((n, i) =>
              element('td', n === 0 ? '' : i === c ? 'is-right' : 'is-wrong', n === 0 ? '·' : String(n)),
            ),
          ]),
        ),
      ),
    );
    box.hidden = false;
  }

  /** @param {string} words */
  #say(words) {
    byId('teach-words').textContent = words;
  }

  #save() {
    const { model } = this.#shared;
    if (!model || !this.#sha256) return this.#say('One moment: the model’s hash is not known yet.');
    const name = model.entry?.name ?? 'model';
    const file = classesFile(this.#taught(), { name, sha256: this.#sha256 });
    saveFile('my-classes.json', 'application/json', classesText(file));
    byId('teach-use').hidden = false;
    byId('teach-snippet').textContent = SNIPPET.replaceAll('MODEL', name);
    return undefined;
  }

  #savePictures() {
    const { files, without } = classFolders(this.#taught());
    if (files.length === 0) return this.#say('These classes came from a file, which holds no pictures to train with.');
    saveFile('my-pictures.zip', 'application/zip', zipParts(files));
    byId('teach-train').hidden = false;
    const missing = without > 0 ? ` ${without} more came from a file, which holds no pictures to train with.` : '';
    this.#say(`my-pictures.zip has ${files.length} pictures in folders, one for each class.${missing}`);
    return undefined;
  }

  /** @param {File} file */
  async #open(file) {
    try {
      const found = await readClasses(file);
      if (found.model.sha256 !== this.#sha256)
        throw new Error(`these classes were taught with another model, ${found.model.name}: pick that one first.`);
      this.#setBefore(this.#taught());
      this.#show(taughtOf(found));
      this.#keepLater();
      this.#say(`${file.name}: ${found.classes.length} classes.`);
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      this.#say(message.startsWith(file.name) ? message : `${file.name}: ${message}`);
    }
  }
}

/** Where only scores are wanted, no model is named. */
const UNNAMED = { name: '', sha256: '0'.repeat(64) };

const SNIPPET = `import { Classifier } from 'vit158';
import { OwnClasses } from 'vit158/classes';

const own = await OwnClasses.load('my-classes.json');
const vit = await Classifier.load('MODEL.safetensors', { sha256: own.model.sha256 });
const { predictions, unsure } = await own.classify(vit, 'photo.jpg');

In a terminal: vit158 classify --classes my-classes.json --model MODEL photo.jpg`;

/** @returns {HTMLCanvasElement} */
function newThumbnail() {
  const canvas = /** @type {HTMLCanvasElement} */ (element('canvas', 'teach-thumb'));
  canvas.width = canvas.height = THUMBNAIL_SIDE;
  return canvas;
}

/** @param {string} url of data @returns {string} */
const base64Of = (url) => url.replace(/.*,/, '');

/** @param {import('./service_messages.js').Outcome} outcome @returns {Shown} */
function exampleOf({ embedding, input }) {
  const canvas = newThumbnail();
  const picture = document.createElement('canvas');
  picture.width = input.width;
  picture.height = input.height;
  const image = new ImageData(input.width, input.height);
  image.data.set(input.data);
  picture.getContext('2d')?.putImageData(image, 0, 0);
  drawSquare(canvas, picture);
  const [thumbnail, whole] = [canvas.toDataURL('image/jpeg', 0.8), picture.toDataURL('image/jpeg', 0.92)];
  return { vector: embedding, thumbnail: base64Of(thumbnail), image: base64Of(whole), canvas };
}

/** @param {import('./teach.js').Example} example @returns {HTMLCanvasElement} drawn a little later */
function pictureOf({ thumbnail }) {
  const canvas = newThumbnail();
  const bytes = fromBase64(thumbnail);
  if (bytes?.length)
    createImageBitmap(new Blob([bytes], { type: 'image/jpeg' })).then(
      (bitmap) => drawSquare(canvas, bitmap),
      () => {}, // a square without an image will do
    );
  return canvas;
}

/** @param {import('./panels.js').Shared} shared @returns {import('./panels.js').Panel} */
export const open = (shared) => new TeachPanel(shared);
