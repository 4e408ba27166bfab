// SPDX-License-Identifier: MIT
// The page: wires inputs, engine and views. The newest picture wins; what was under way for an
// older one is cancelled. ?engine=scalar and ?worker=off force the fall-backs.
import { canvasIsRandomised } from './canvas.js';
import { Camera, cameraWords } from './camera.js';
import { byId, notice } from './dom.js';
import { Engine } from './engine.js';
import { duration, rate } from './format.js';
import { listenForFiles } from './inputs.js';
import { modelWords, pictureWords, sentence } from './messages.js';
import { Models } from './models.js';
import { Results, TOP_K } from './results.js';
import { Samples } from './samples.js';
import { Stage } from './stage.js';
import { Timing } from './timing.js';

const MEASURE_RUNS = 20;
const MODELS = new URL('models/', document.baseURI);

/**
 * The picture in use: an encoded file, or pixels of the camera.
 * @typedef {object} Picture
 * @property {string} name
 * @property {Blob} [file]
 * @property {ImageData} [pixels]
 */

class App {
  #options = new URLSearchParams(location.search);
  #engine = new Engine({ worker: this.#options.get('worker') !== 'off' });
  #stage = new Stage();
  #results = new Results();
  #timing = new Timing();
  #camera = new Camera();
  #models = new Models({
    onPick: (entry) => this.loadModel({ entry }),
    onCancel: () => this.#loadAbort?.abort(),
    onRetry: () => (this.#lastLoad ? this.loadModel(this.#lastLoad) : this.#offerModels()),
  });
  /** @type {Samples | null} */
  #samples = null;
  /** @type {Picture | null} */
  #picture = null;
  /** @type {AbortController | null} */
  #pictureAbort = null;
  /** @type {AbortController | null} */
  #loadAbort = null;
  /** @type {{entry?: import('./models.js').Entry, file?: File} | null} */
  #lastLoad = null;
  /** @type {import('./stage.js').Caption | null} */
  #caption = null;
  #hasModel = false;
  /** The picture in use found no model. */
  #waitsForModel = false;
  /** The model has run a few times at most. */
  #isCold = true;

  async start() {
    this.#connect();
    const samples = fetchJson('samples/samples.json').catch(() => ({ samples: [] }));
    await this.#offerModels();
    this.#offerSamples((await samples).samples);
    if (canvasIsRandomised()) this.#nameRandomisedCanvas();
  }

  /** Fills the picker and starts loading the model that the site names first. */
  async #offerModels() {
    try {
      const manifest = await fetchJson('manifest.json');
      /** @type {import('./models.js').Entry[]} */
      const entries = manifest.models;
      this.#models.setEntries(entries);
      const first = entries.find(({ name }) => name === manifest.default) ?? entries[0];
      this.loadModel({ entry: first });
    } catch (error) {
      this.#modelFailed({ code: 'E_NETWORK', message: /** @type {Error} */ (error).message });
    }
  }

  /** @param {import('./samples.js').Sample[]} samples the first is classified at once */
  #offerSamples(samples) {
    const base = new URL('samples/', MODELS);
    this.#samples = new Samples(base, samples, {
      onPick: (file) => this.#showFile(file),
      onProblem: (title, words) => notice('input', `${title}. ${words}`),
    });
    if (samples.length === 0) byId('samples-block').hidden = true;
    else if (!this.#picture) this.#samples.pickFirst();
  }

  #connect() {
    listenForFiles({
      onPicture: (file) => {
        this.#samples?.release();
        this.#showFile(file);
      },
      onModel: (file) => this.loadModel({ file }),
      onProblem: (title, words) => notice('input', `${title}. ${words}`),
    });
    byId('measure').addEventListener('click', () => this.#classify(MEASURE_RUNS));
    byId('camera').hidden = !Camera.available;
    byId('camera').addEventListener('click', () =>
      this.#camera.running ? this.#stopCamera() : this.#startCamera(),
    );
    byId('shoot').addEventListener('click', () => {
      const pixels = this.#camera.still();
      this.#stopCamera();
      byId('camera').focus();
      this.#show({ name: 'Camera picture', pixels });
    });
  }

  /** @param {{entry?: import('./models.js').Entry, file?: File}} choice */
  async loadModel(choice) {
    const { entry, file } = choice;
    this.#lastLoad = choice;
    this.#loadAbort?.abort();
    const abort = new AbortController();
    this.#loadAbort = abort;
    const start = performance.now();
    this.#models.showBusy(entry ? `Fetching ${entry.title}` : `Opening ${file?.name}`);
    try {
      /** @type {import('./protocol.js').LoadRequest} */
      const request = {
        url: entry && new URL(entry.file, MODELS).href,
        file,
        engine: this.#options.get('engine') === 'scalar' ? 'scalar' : 'auto',
      };
      const facts = await this.#engine.load(request, {
        signal: abort.signal,
        onProgress: (progress) => this.#models.showProgress(progress),
      });
      this.#useModel(
        facts,
        entry ?? null,
        file?.name ?? '',
        `Loaded and checked in ${duration(performance.now() - start)}.`,
      );
    } catch (error) {
      if (abort !== this.#loadAbort) return; // another choice took over
      if (abort.signal.aborted) this.#loadCancelled();
      else this.#modelFailed(/** @type {any} */ (error), file?.name);
    }
  }

  /**
   * @param {import('./protocol.js').ModelFacts} facts
   * @param {import('./models.js').Entry | null} entry
   * @param {string} name
   * @param {string} words
   */
  #useModel({ info, labels, randomised }, entry, name, words) {
    const again = this.#hasModel || this.#waitsForModel;
    this.#hasModel = true;
    this.#waitsForModel = false;
    this.#models.showFacts(info, this.#engine.thread, entry, name, words);
    this.#results.setScope(labels);
    this.#timing.setDepth(info.model.depth);
    this.#stage.setCrop(cropOf(info));
    if (this.#caption) this.#stage.setCaption(this.#caption);
    if (randomised) this.#nameRandomisedCanvas();
    this.#isCold = true;
    if (!this.#picture) this.#results.showWaiting('Ready', 'Choose, drop or paste a picture.');
    if (again && this.#picture && !this.#camera.running) this.#classify(1);
  }

  #loadCancelled() {
    this.#models.showIdle('Cancelled.');
    if (!this.#hasModel)
      this.#results.showWaiting('No model', 'Pick a model or open a model file.');
  }

  /**
   * @param {{code: string, message: string}} error
   * @param {string} [name] of a local file
   */
  #modelFailed(error, name) {
    this.#models.showError(error, this.#hasModel, name);
    if (this.#hasModel) return;
    const { title, hint } = modelWords(error.code);
    this.#results.showError(title, hint);
  }

  /** @param {File} file */
  #showFile(file) {
    if (this.#camera.running) this.#stopCamera();
    this.#show({ name: file.name, file });
  }

  /** @param {Picture} picture */
  #show(picture) {
    this.#picture = picture;
    this.#stage.setBusy(true);
    return this.#classify(1, true);
  }

  /**
   * Classifies the picture in use.
   * @param {number} runs
   * @param {boolean} [wantsPreview]  it is not on the stage yet
   */
  async #classify(runs, wantsPreview = false) {
    const picture = this.#picture;
    if (!picture) return;
    this.#pictureAbort?.abort();
    const abort = new AbortController();
    this.#pictureAbort = abort;
    const { name, file, pixels } = picture;
    const copy = pixels && {
      data: pixels.data.slice(),
      width: pixels.width,
      height: pixels.height,
    };
    let shown = !wantsPreview;
    /** @param {import('./protocol.js').PreviewEvent} preview */
    const onPreview = (preview) => {
      shown = true;
      this.#stage.showPreview(preview, name);
      this.#setCaption({
        name,
        width: preview.sourceWidth,
        height: preview.sourceHeight,
        bytes: file?.size,
        kind: kindOf(file?.type),
      });
    };
    try {
      const common = { topK: TOP_K, wantsPreview, wantsInput: runs === 1 };
      const request = { file, pixels: copy, runs, ...common };
      this.#showOutcome(await this.#engine.classify(request, { signal: abort.signal, onPreview }));
      // Browsers run fresh WebAssembly slowly at first; show what the visitor will see from now on.
      if (runs > 1) this.#isCold = false;
      if (this.#isCold) await this.#classify(MEASURE_RUNS);
    } catch (error) {
      if (abort.signal.aborted) return;
      if (!shown) this.#stage.showNothing(name, 'This file cannot be shown');
      this.#pictureFailed(/** @type {any} */ (error), name);
    }
  }

  /** @param {import('./stage.js').Caption} caption */
  #setCaption(caption) {
    this.#caption = caption;
    this.#stage.setCaption(caption);
  }

  /**
   * @param {import('./protocol.js').Outcome} outcome
   * @param {'still' | 'live'} [kind]
   */
  #showOutcome(outcome, kind = 'still') {
    this.#results.show(outcome, kind);
    this.#timing.show(outcome);
    this.#stage.showInput(outcome.input);
    /** @type {HTMLButtonElement} */ (byId('measure')).disabled = false;
  }

  /**
   * @param {{code: string, message: string}} error
   * @param {string} name
   */
  #pictureFailed({ code, message }, name) {
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

  async #startCamera() {
    this.#pictureAbort?.abort();
    try {
      const started = await this.#camera.start(
        (frame) => this.#showFrame(frame),
        () => this.#stopCamera(),
      );
      if (!started) return;
    } catch (error) {
      notice('camera', cameraWords(error));
      return;
    }
    this.#samples?.release();
    this.#setCaption({ name: 'Camera', ...this.#camera.size });
    this.#setCameraButtons(true);
    byId('shoot').focus();
  }

  /** @param {ImageBitmap} frame @returns {Promise<void>} */
  async #showFrame(frame) {
    try {
      const request = {
        bitmap: frame,
        topK: TOP_K,
        runs: 1,
        wantsPreview: false,
        wantsInput: true,
      };
      const outcome = await this.#engine.classify(request);
      if (!this.#camera.running) return;
      this.#showOutcome(outcome, 'live');
      byId('live-rate').textContent =
        `Live, ${rate(this.#camera.framesPerSecond)} pictures a second`;
    } catch (error) {
      this.#pictureFailed(/** @type {any} */ (error), 'Camera');
    }
  }

  #stopCamera() {
    this.#camera.stop();
    this.#setCameraButtons(false);
  }

  /** @param {boolean} live */
  #setCameraButtons(live) {
    this.#stage.setLive(live);
    byId('shoot').hidden = !live;
    byId('choose').hidden = live;
    const button = byId('camera');
    button.setAttribute('aria-pressed', String(live));
    /** @type {HTMLElement} */ (button.querySelector('span')).textContent = live
      ? 'Stop camera'
      : 'Camera';
  }

  #nameRandomisedCanvas() {
    notice(
      'canvas',
      'This browser changes canvas pixels slightly to prevent fingerprinting. JPEG and PNG files are not affected: this page decodes them itself. Camera pictures and other formats may give slightly different results.',
    );
  }
}

/**
 * @param {string} name in the folder of models
 * @returns {Promise<any>}
 */
async function fetchJson(name) {
  const response = await fetch(new URL(name, MODELS));
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  if (!/json/.test(response.headers.get('content-type') ?? ''))
    throw new Error(`${response.url} is not JSON`);
  return response.json();
}

/**
 * The square that is left after resizing the shorter side and cropping the centre.
 * @param {import('../lib/vit158.js').Info} info
 * @returns {import('./stage.js').Crop}
 */
function cropOf({ model: { imageSize }, metadata }) {
  const resized = Number(metadata.resize) || Math.floor(imageSize / Number(metadata.crop_pct || 1));
  return { side: imageSize, share: Math.min(1, imageSize / resized) };
}

/** @param {string} [type] @returns {string} "JPEG" of "image/jpeg" */
function kindOf(type = '') {
  return type
    .replace(/^image\//, '')
    .replace(/\+.*/, '')
    .replace('x-icon', 'icon')
    .toUpperCase();
}

new App().start();
