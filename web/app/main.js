// SPDX-License-Identifier: MIT
// The page: wires inputs, engine and views. ?engine=scalar and ?worker=off force the fall-backs,
// ?offline=off keeps nothing for offline use.
import { AttentionView } from './attention_view.js';
import { canvasIsRandomised } from './canvas.js';
import { byId, notice } from './dom.js';
import { Engine } from './engine.js';
import { listenForFiles } from './inputs.js';
import { LiveDesk } from './live_desk.js';
import { modelWords } from './messages.js';
import { ModelDesk } from './model_desk.js';
import { Panels } from './panels.js';
import { PictureDesk } from './picture_desk.js';
import { fetchSamples } from './resources.js';
import { Results } from './results.js';
import { Samples } from './samples.js';
import { Stage } from './stage.js';
import { Timing } from './timing.js';

/** The page is kept for offline use once the first answer is there and the machine has some peace. */
const OFFLINE_AFTER_MS = 1500;
const keepOffline = () => import('./offline.js').then((module) => module.keepOffline());

class App {
  #options = new URLSearchParams(location.search);
  /** @type {'auto' | 'scalar'} */
  #variant = this.#options.get('engine') === 'scalar' ? 'scalar' : 'auto';
  #engine = new Engine({ worker: this.#options.get('worker') !== 'off' });
  #stage = new Stage();
  #results = new Results();
  #timing = new Timing();
  #pictures = new PictureDesk(this.#engine, {
    stage: this.#stage,
    results: this.#results,
    timing: this.#timing,
  });
  #live = new LiveDesk(this.#engine, this.#stage, this.#pictures, () => this.#samples?.release());
  #attention = new AttentionView((overlay) => {
    this.#stage.setOverlay(overlay);
    this.#live.wantsAttention = this.#attention.isOverlaid;
  });
  #models = new ModelDesk(this.#engine, this.#variant, {
    onModel: (facts, source) => this.#useModel(facts, source),
    onFailed: (error) => {
      const { title, hint } = modelWords(error.code);
      this.#results.showError(title, hint);
    },
    onCancelled: () => this.#results.showWaiting('No model', 'Pick a model or open a model file.'),
  });
  /** @type {import('./panels.js').Shared} */
  #shared = {
    engine: this.#engine,
    get hasWorkers() {
      return this.engine.thread === 'worker';
    },
    variant: this.#variant,
    model: null,
    pictures: this.#pictures,
    live: this.#live,
    showFile: (file) => {
      this.#samples?.release();
      this.#showFile(file);
    },
  };
  #panels = new Panels(this.#shared, (name) => {
    if (name === 'picture') this.#askAttention();
  });
  /** @type {Samples | null} */
  #samples = null;
  #hasAnswered = false;

  async start() {
    listenForFiles({
      onPictures: (files) => this.#takePictures(files),
      onModel: (file) => this.#models.load({ file }),
      onProblem: (title, words) => notice('input', `${title}. ${words}`),
    });
    this.#pictures.onAnswer = (outcome) => this.#answered(outcome);
    const samples = fetchSamples().catch(() => ({ samples: [] }));
    await this.#models.offer();
    this.#offerSamples((await samples).samples);
    if (canvasIsRandomised()) nameRandomisedCanvas();
  }

  /** @param {import('./samples.js').Sample[]} samples the first is classified at once */
  #offerSamples(samples) {
    this.#samples = new Samples(samples, {
      onPick: (file) => this.#showFile(file),
      onProblem: (title, words) => notice('input', `${title}. ${words}`),
    });
    if (samples.length === 0) byId('samples-block').hidden = true;
    else if (!this.#pictures.picture) this.#samples.pickFirst();
  }

  /**
   * @param {import('./protocol.js').ModelFacts} facts
   * @param {import('./resources.js').ModelSource} source
   */
  #useModel(facts, source) {
    const again = this.#shared.model !== null || this.#pictures.waitsForModel;
    this.#shared.model = { facts, source };
    this.#results.setScope(facts.labels, facts.info.metadata);
    this.#timing.setDepth(facts.info.model.depth);
    this.#stage.setCrop(cropOf(facts.info));
    this.#attention.setModel(facts.info.model);
    if (facts.randomised) nameRandomisedCanvas();
    this.#pictures.useModel(again && !this.#live.running);
    this.#panels.useModel();
  }

  /** @param {File[]} files one or more that someone chose, dropped or pasted */
  async #takePictures(files) {
    if (!(await this.#panels.takeFiles(files))) this.#shared.showFile(files[0]);
  }

  /** @param {File} file */
  #showFile(file) {
    this.#live.stop();
    if (file.type.startsWith('video/')) this.#live.startVideo(file);
    else this.#pictures.show({ name: file.name, file });
  }

  /** @param {import('./protocol.js').Outcome} outcome to the picture in use */
  #answered(outcome) {
    this.#panels.answer(outcome);
    if (!this.#hasAnswered && this.#options.get('offline') !== 'off')
      setTimeout(keepOffline, OFFLINE_AFTER_MS);
    this.#hasAnswered = true;
    if (outcome.attention) this.#attention.show(outcome.attention);
    else if (this.#live.running) this.#attention.clear();
    else this.#askAttention();
  }

  /** Where the model looked in a still picture: asked for after the answer, which does not wait. */
  async #askAttention() {
    if (this.#panels.current !== 'picture' || this.#live.running) return;
    const wanted = { topK: 0, runs: 1, wantsPreview: false, wantsInput: false };
    const more = await this.#pictures.askMore((source, signal) =>
      this.#engine.classify({ ...source, ...wanted, wantsAttention: true }, { signal }),
    );
    if (more?.attention) this.#attention.show(more.attention);
  }
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

function nameRandomisedCanvas() {
  notice(
    'canvas',
    'This browser changes canvas pixels slightly to prevent fingerprinting. JPEG and PNG files are not affected: this page decodes them itself. Camera pictures and other formats may give slightly different results.',
  );
}

new App().start();
