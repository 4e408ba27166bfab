// SPDX-License-Identifier: MIT
// Which picture is in use: shows and classifies it. The newest picture wins; what was under way for
// an older one is cancelled.
import { byId } from './dom.js';
import { pictureWords, sentence } from './messages.js';
import { TOP_K } from './results.js';

const MEASURE_RUNS = 20;

/**
 * The picture in use: an encoded file, or pixels of the camera or a video.
 * @typedef {object} Picture
 * @property {string} name
 * @property {Blob} [file]
 * @property {ImageData} [pixels]
 */

/** @typedef {import('./protocol.js').Outcome} Outcome */

export class PictureDesk {
  #engine;
  #stage;
  #results;
  #timing;
  /** @type {Picture | null} */
  #picture = null;
  /** @type {AbortController | null} */
  #abort = null;
  /** @type {import('./stage.js').Caption | null} */
  #caption = null;
  /** The picture in use found no model. */
  #waitsForModel = false;
  /** The model has run a few times at most. */
  #isCold = true;
  /** Told of every answer to the picture in use. @type {(outcome: Outcome) => void} */
  onAnswer = () => {};

  /**
   * @param {import('./engine.js').Engine} engine
   * @param {{stage: import('./stage.js').Stage, results: import('./results.js').Results,
   *          timing: import('./timing.js').Timing}} views
   */
  constructor(engine, { stage, results, timing }) {
    this.#engine = engine;
    this.#stage = stage;
    this.#results = results;
    this.#timing = timing;
    byId('measure').addEventListener('click', () => this.#classify(MEASURE_RUNS));
  }

  /** @returns {Picture | null} */
  get picture() {
    return this.#picture;
  }

  get waitsForModel() {
    return this.#waitsForModel;
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#picture = picture;
    this.#stage.setBusy(true);
    return this.#classify(1, true);
  }

  /** The model in use has changed. @param {boolean} again  classify the picture anew */
  useModel(again) {
    this.#waitsForModel = false;
    this.#isCold = true;
    if (this.#caption) this.#stage.setCaption(this.#caption);
    if (!this.#picture) this.#results.showWaiting('Ready', 'Choose, drop or paste a picture.');
    else if (again) this.#classify(1);
  }

  /** Another picture is about to come. */
  cancel() {
    this.#abort?.abort();
  }

  /** @param {import('./stage.js').Caption} caption */
  setCaption(caption) {
    this.#caption = caption;
    this.#stage.setCaption(caption);
  }

  /**
   * @param {Outcome} outcome
   * @param {'still' | 'live'} [kind]
   */
  showOutcome(outcome, kind = 'still') {
    this.#results.show(outcome, kind);
    this.#timing.show(outcome);
    this.#stage.showInput(outcome.input);
    /** @type {HTMLButtonElement} */ (byId('measure')).disabled = false;
    this.onAnswer(outcome);
  }

  /**
   * @param {{code: string, message: string}} error
   * @param {string} name
   */
  failed({ code, message }, name) {
    this.#stage.setBusy(false);
    if (code === 'E_NO_MODEL') {
      this.#waitsForModel = true; // the model's own trouble is shown already
      return;
    }
    const { title, hint } = pictureWords(code);
    this.#results.showError(title, `${name}: ${sentence(message)} ${hint}`);
    this.#timing.clear();
    /** @type {HTMLButtonElement} */ (byId('measure')).disabled = true;
  }

  /**
   * Asks about the picture in use once more, for something beside the answer.
   * @template T
   * @param {(source: {file?: Blob, pixels?: import('./protocol.js').PixelData}, signal: AbortSignal) => Promise<T>} ask
   * @returns {Promise<T | undefined>} undefined if another picture took over
   */
  async askMore(ask) {
    const picture = this.#picture;
    const abort = this.#abort;
    if (!picture || !abort) return undefined;
    try {
      return await ask(sourceOf(picture), abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return undefined;
      throw error;
    }
  }

  /**
   * Classifies the picture in use.
   * @param {number} runs
   * @param {boolean} [wantsPreview]  it is not on the stage yet
   */
  async #classify(runs, wantsPreview = false) {
    const picture = this.#picture;
    if (!picture) return;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const { name, file } = picture;
    let shown = !wantsPreview;
    /** @param {import('./protocol.js').PreviewEvent} preview */
    const onPreview = (preview) => {
      shown = true;
      this.#stage.showPreview(preview, name);
      this.setCaption({
        name,
        width: preview.sourceWidth,
        height: preview.sourceHeight,
        bytes: file?.size,
        kind: kindOf(file?.type),
      });
    };
    try {
      const wanted = { topK: TOP_K, runs, wantsPreview, wantsInput: runs === 1 };
      const request = { ...sourceOf(picture), ...wanted };
      this.showOutcome(await this.#engine.classify(request, { signal: abort.signal, onPreview }));
      // Browsers run fresh WebAssembly slowly at first; show what the visitor will see from now on.
      if (runs > 1) this.#isCold = false;
      if (this.#isCold) await this.#classify(MEASURE_RUNS);
    } catch (error) {
      if (abort.signal.aborted) return;
      if (!shown) this.#stage.showNothing(name, 'This file cannot be shown');
      this.failed(/** @type {any} */ (error), name);
    }
  }
}

/** @param {Picture} picture @returns {{file?: Blob, pixels?: import('./protocol.js').PixelData}} to give away */
function sourceOf({ file, pixels }) {
  if (!pixels) return { file };
  return { pixels: { data: pixels.data.slice(), width: pixels.width, height: pixels.height } };
}

/** @param {string} [type] @returns {string} "JPEG" of "image/jpeg" */
function kindOf(type = '') {
  return type
    .replace(/^image\//, '')
    .replace(/\+.*/, '')
    .replace('x-icon', 'icon')
    .toUpperCase();
}
