// SPDX-License-Identifier: MIT
// What is shown. One record holds an image and all that belongs to it: its image, its caption, its
// answer, its times, or what went wrong. Every answer names the image and the model that it is of; it
// goes into the record of that image or nowhere, and the views are drawn from one record alone.
import { byId } from './dom.js';
import { pictureWords, sentence } from './messages.js';
import { TOP_K } from './results.js';

/** Runs behind the times that come with an answer, and those of the button. */
const USUAL_RUNS = 5;
const MEASURE_RUNS = 20;

/** Errors after which it helps to know what the file is. */
const NOT_SHOWN = /^E_(FORMAT|INPUT|UNSUPPORTED)$/;

/** @typedef {import('./service_messages.js').Outcome} Outcome */
/** @typedef {import('./service_messages.js').PreviewEvent} PreviewEvent */
/** @typedef {{title: string, words: string}} Words */

/**
 * A still image: an encoded file, or pixels of the camera or a video.
 * @typedef {object} Picture
 * @property {string} name
 * @property {Blob} [file]
 * @property {ImageData} [pixels]
 * @property {string} [sample]  its file among the samples, if it is one
 */

/**
 * @typedef {object} Shown
 * @property {number} id
 * @property {Picture | null} picture  null while live images are on the stage
 * @property {import('./stage.js').Caption} caption
 * @property {PreviewEvent | null} preview
 * @property {number} region  where the model's square lies along the longer side, 0 to 1
 * @property {Outcome | null} outcome
 * @property {import('./service_messages.js').Times | null} times
 * @property {Words | null} trouble
 */

/**
 * @typedef {object} Views
 * @property {import('./stage.js').Stage} stage
 * @property {import('./results.js').Results} results
 * @property {import('./timing.js').Timing} timing
 * @property {import('./attention_view.js').AttentionView} attention
 */

export class ShownImage {
  #service;
  #views;
  #onChange;
  #lastId = 0;
  /** The still image; it stays behind a live one and comes back after it. @type {Shown | null} */
  #still = null;
  /** @type {Shown | null} */
  #live = null;
  /** Of the request for a still image that is under way. @type {AbortController | null} */
  #abort = null;
  #merge;
  /** Answers of models before this one are late. */
  #model = 0;
  /** Shown while there is no model. @type {Words & {isError: boolean} | null} */
  #noModel = null;
  /** A still image found no model. */
  #waitsForModel = false;

  /**
   * @param {import('./service_client.js').ServiceClient} service
   * @param {Views} views
   * @param {import('./merge_switch.js').MergeSwitch} merge
   * @param {(shown: Shown | null) => void} onChange  another image is shown, or its answer has come
   */
  constructor(service, views, merge, onChange) {
    this.#merge = merge;
    this.#service = service;
    this.#views = views;
    this.#onChange = onChange;
    byId('measure').addEventListener('click', () => this.#measure());
    views.stage.onRegion = (region) => this.#moveRegion(region);
  }

  /** @returns {Shown | null} what the page shows */
  get current() {
    return this.#live ?? this.#still;
  }

  get isLive() {
    return this.#live !== null;
  }

  get waitsForModel() {
    return this.#waitsForModel;
  }

  /**
   * Shows a still image as soon as it is decoded; the one before stays, whole, until then.
   * @param {Picture} picture
   */
  showStill(picture) {
    this.#views.stage.setBusy(true);
    return this.#ask(this.#newRecord(picture, { name: picture.name, width: 0, height: 0 }), true);
  }

  /**
   * Live images take the stage.
   * @param {import('./stage.js').Caption} caption
   * @returns {number} the id that their answers carry
   */
  beginLive(caption) {
    this.cancel();
    this.#live = this.#newRecord(null, caption);
    this.#draw();
    return this.#live.id;
  }

  /** The still image before, with its own answer, comes back. @param {number} id */
  endLive(id) {
    if (this.#live?.id !== id) return;
    this.#live = null;
    this.#draw();
    const still = this.#still;
    if (still && !still.outcome && !still.trouble) this.#ask(still, false);
  }

  /** @param {Outcome} outcome of a live image */
  answerLive(outcome) {
    if (this.#live) this.#answer(this.#live, outcome);
  }

  /** @param {number} id @param {{code: string, message: string}} error */
  failLive(id, error) {
    if (this.#live?.id === id) this.#fail(this.#live, error);
  }

  /** What is asked about a still image is not wanted any more. */
  cancel() {
    this.#abort?.abort();
    this.#views.stage.setBusy(false);
  }

  /**
   * Another model is in use: what the one before said is gone.
   * @param {number} model  its number
   * @param {boolean} again  the image has to be asked about anew
   */
  useModel(model, again) {
    this.#model = model;
    this.#noModel = null;
    this.#waitsForModel = false;
    for (const record of [this.#still, this.#live]) {
      if (record && (record.outcome?.model ?? 0) < model) record.outcome = record.times = null;
    }
    this.#draw();
    if (again && this.#still && !this.#live) this.#ask(this.#still, this.#still.preview === null);
  }

  /** The still image is asked about anew: other patches are merged. */
  askAgain() {
    const record = this.#still;
    if (record && !this.#live && this.#model) this.#ask(record, record.preview === null);
  }

  /** There is no model. @param {Words} words @param {boolean} isError */
  showNoModel(words, isError) {
    this.#noModel = { ...words, isError };
    this.#drawAnswer();
  }

  /**
   * @param {Picture | null} picture
   * @param {import('./stage.js').Caption} caption
   * @returns {Shown}
   */
  #newRecord(picture, caption) {
    const nothing = { region: 0.5, preview: null, outcome: null, times: null, trouble: null };
    return { id: ++this.#lastId, picture, caption, ...nothing };
  }

  /**
   * Asks about a still image: one decode, one resize, one answer with everything that is shown of
   * it, and then a few runs more for the times.
   * @param {Shown} record
   * @param {boolean} wantsPreview  it is not on the stage yet
   */
  async #ask(record, wantsPreview) {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const { id: image, region } = record;
    const picture = /** @type {Picture} */ (record.picture);
    try {
      const merge = this.#merge.still;
      const wanted = { topK: TOP_K, runs: USUAL_RUNS, merge, wantsPreview, wantsAttention: true };
      const outcome = await this.#service.classify(
        { ...sourceOf(picture), ...wanted, image, region },
        {
          signal: abort.signal,
          onPreview: (preview) => this.#arrive(record, preview),
          onAnswer: (first) => this.#answer(record, first),
        },
      );
      this.#time(record, outcome);
    } catch (error) {
      if (abort.signal.aborted) return;
      const words = picture.file && (await namedKind(picture.file, picture.name));
      if (!abort.signal.aborted) this.#fail(record, /** @type {any} */ (error), words);
    }
  }

  /** The button: more runs of the image on the stage. */
  async #measure() {
    const record = this.#still;
    if (!record?.picture || this.#live || !record.outcome) return;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const merge = this.#merge.still;
    const wanted = { topK: TOP_K, runs: MEASURE_RUNS, merge, wantsPreview: false, wantsAttention: false };
    try {
      const { id: image, region } = record;
      const request = { ...sourceOf(record.picture), ...wanted, image, region };
      this.#time(record, await this.#service.classify(request, { signal: abort.signal }));
    } catch (error) {
      if (!abort.signal.aborted) this.#fail(record, /** @type {any} */ (error));
    }
  }

  /** The model is to look at another part of the still image. @param {number} region */
  #moveRegion(region) {
    const record = this.#still;
    if (!record?.preview || this.#live) return;
    record.region = region;
    record.id = ++this.#lastId; // the answers to the part before are late
    record.outcome = record.times = record.trouble = null;
    this.#draw();
    this.#ask(record, false);
  }

  /** @param {Shown} record @param {PreviewEvent} preview */
  #arrive(record, preview) {
    if (preview.image !== record.id) return;
    const { name, file } = /** @type {Picture} */ (record.picture);
    record.preview = preview;
    record.caption = {
      name,
      width: preview.sourceWidth,
      height: preview.sourceHeight,
      bytes: file?.size,
      kind: kindOf(file?.type),
    };
    this.#still = record;
    this.#draw();
  }

  /** @param {Shown} record @param {Outcome} outcome */
  #answer(record, outcome) {
    if (outcome.image !== record.id || outcome.model < this.#model) return;
    record.outcome = outcome;
    record.trouble = null;
    // A cold first run says little: a still image's times come with the runs after it.
    record.times = record.picture ? null : outcome.times;
    if (record === this.current) this.#drawAnswer();
  }

  /** @param {Shown} record @param {Outcome} outcome */
  #time(record, { image, model, times }) {
    if (image !== record.id || model < this.#model) return;
    record.times = times;
    if (record === this.current) this.#drawTimes(record);
  }

  /**
   * @param {Shown} record
   * @param {{code: string, message: string}} error
   * @param {import('./file_kinds.js').Words | null} [known]  what kind of file it is
   */
  #fail(record, { code, message }, known) {
    if (code === 'E_NO_MODEL') {
      this.#waitsForModel = true; // the model's own trouble is shown already
      return;
    }
    const { title, hint } = pictureWords(code);
    const { name } = record.caption;
    record.trouble =
      known && NOT_SHOWN.test(code)
        ? { title: known.title, words: `${name}: ${known.hint}` }
        : { title, words: `${name}: ${sentence(message)} ${hint}` };
    record.outcome = record.times = null;
    if (record.picture) this.#still = record;
    if (record === this.current) this.#draw();
  }

  /** Image and answer of the record that is shown. */
  #draw() {
    const record = this.current;
    const { stage } = this.#views;
    stage.setLive(record !== null && record === this.#live);
    if (record) {
      if (record.preview) stage.showPreview(record.preview, record.caption.name, record.region);
      else if (record.picture) stage.showNothing(record.caption.name, 'This file cannot be shown');
      if (record.preview || !record.picture) stage.setCaption(record.caption);
    } else {
      stage.showEmpty();
    }
    this.#drawAnswer();
  }

  #drawAnswer() {
    const record = this.current;
    const { stage, results, attention } = this.#views;
    const outcome = record?.outcome ?? null;
    if (outcome) results.show(outcome, record === this.#live ? 'live' : 'still');
    else if (record?.trouble) results.showError(record.trouble.title, record.trouble.words);
    else if (this.#noModel?.isError) results.showError(this.#noModel.title, this.#noModel.words);
    else if (this.#noModel) results.showWaiting(this.#noModel.title, this.#noModel.words);
    else if (record) results.showWaiting('…', this.#model ? 'Looking at the picture' : 'Fetching the model…');
    else if (this.#model) results.showWaiting('Ready', 'Choose, drop or paste a picture.');
    stage.showInput(outcome?.input ?? null);
    if (outcome?.attention) attention.show(outcome.attention);
    else attention.clear();
    this.#drawTimes(record);
    this.#onChange(record);
  }

  /** @param {Shown | null} record */
  #drawTimes(record) {
    if (record?.times) this.#views.timing.show(record.times);
    else this.#views.timing.clear(record?.outcome ? 'Measuring' : 'No run yet');
    /** @type {HTMLButtonElement} */ (byId('measure')).disabled = !record?.outcome || !record.picture;
  }
}

/** @param {Picture} picture @returns {{file?: Blob, pixels?: import('./service_messages.js').PixelData}} to give away */
function sourceOf({ file, pixels }) {
  if (!pixels) return { file };
  return { pixels: { data: pixels.data.slice(), width: pixels.width, height: pixels.height } };
}

/**
 * What a file is that is no image; what knows is fetched for the first such file.
 * @param {Blob} file
 * @param {string} name
 */
async function namedKind(file, name) {
  const known = await import('./file_kinds.js').catch(() => null);
  return known && known.describeFile(file, name);
}

/** @param {string} [type] @returns {string} "JPEG" of "image/jpeg" */
function kindOf(type = '') {
  return type
    .replace(/^image\//, '')
    .replace(/\+.*/, '')
    .replace('x-icon', 'icon')
    .toUpperCase();
}
