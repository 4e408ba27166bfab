// SPDX-License-Identifier: MIT
// The page: wires inputs, engine and views. ?engine=scalar and ?worker=off force the fall-backs,
// ?offline=off keeps nothing for offline use.
import { AttentionView } from './attention_view.js';
import { canvasIsRandomised } from './canvas.js';
import { ClassList } from './class_list.js';
import { cropOf } from './crop.js';
import { byId, notice } from './dom.js';
import { worker } from './head_start.js';
import { listenForFiles } from './inputs.js';
import { LiveDesk } from './live_desk.js';
import { modelWords } from './messages.js';
import { MergeSwitch } from './merge_switch.js';
import { ModelDesk } from './model_desk.js';
import { Panels } from './panels.js';
import { documentAddress, fetchSamples } from './resources.js';
import { Results } from './results.js';
import { Samples } from './samples.js';
import { ServiceClient } from './service_client.js';
import { ShownImage } from './shown.js';
import { Stage } from './stage.js';
import { Timing } from './timing.js';

/** The page is kept for offline use once the first answer is there and the machine has some peace. */
const OFFLINE_AFTER_MS = 1500;
const keepOffline = () => import('./offline.js').then((module) => module.keepOffline());

class App {
  #options = new URLSearchParams(location.search);
  /** @type {'auto' | 'scalar'} */
  #variant = this.#options.get('engine') === 'scalar' ? 'scalar' : 'auto';
  #service = new ServiceClient(worker);
  #stage = new Stage();
  #results = new Results();
  #classes = new ClassList();
  #timing = new Timing();
  #attention = new AttentionView((overlay) => {
    this.#stage.setOverlay(overlay);
    this.#live.wantsAttention = this.#attention.isOverlaid;
  });
  #merge = new MergeSwitch(() => this.#shown.askAgain());
  #shown = new ShownImage(
    this.#service,
    {
      stage: this.#stage,
      results: this.#results,
      timing: this.#timing,
      attention: this.#attention,
    },
    this.#merge,
    (record) => this.#changed(record),
  );
  #live = new LiveDesk(this.#service, this.#shown, this.#merge, () => this.#samples?.release());
  #models = new ModelDesk(this.#service, this.#variant, {
    onCard: (file) => openDocument(file),
    onFirst: (entry) => this.#offerSamples(entry),
    onModel: (facts, source, entry) => this.#useModel(facts, source, entry),
    onFailed: (error) => {
      const { title, hint } = modelWords(error.code);
      this.#shown.showNoModel({ title, words: hint }, true);
    },
    onCancelled: () => {
      const words = 'Pick a model or open a model file.';
      this.#shown.showNoModel({ title: 'No model', words }, false);
    },
  });
  /** @type {import('./panels.js').Shared} */
  #shared = {
    service: this.#service,
    get hasWorkers() {
      return this.service.thread === 'worker';
    },
    variant: this.#variant,
    model: null,
    shown: this.#shown,
    live: this.#live,
    showFile: (file) => {
      this.#samples?.release();
      this.#showFile(file);
      // On a phone the image is above what was tapped.
      byId('stage').scrollIntoView({ block: 'nearest' });
    },
  };
  #panels = new Panels(this.#shared);
  /** @type {Samples | null} */
  #samples = null;
  /** The model whose samples are offered. @type {import('./models.js').Entry | null} */
  #sampled = null;
  #hasAnswered = false;

  async start() {
    listenForFiles({
      onPictures: (files) => this.#takePictures(files),
      onModel: (file) => this.#models.load({ file }),
      onProblem: (title, words) => notice('input', `${title}. ${words}`),
    });
    offerDocuments();
    this.#panels.openAddressed();
    await this.#models.offer();
    if (canvasIsRandomised()) nameRandomisedCanvas();
  }

  /**
   * The samples of a model take the place of another's. A page without an image, or with a sample of
   * the other, shows the first.
   * @param {import('./models.js').Entry} entry
   */
  async #offerSamples(entry) {
    if (entry === this.#sampled) return;
    this.#sampled = entry;
    const samples = await fetchSamples(entry).catch(() => []);
    if (entry !== this.#sampled) return;
    this.#samples?.release();
    this.#samples = new Samples(samples, {
      onPick: (file, sample) => this.#showFile(file, sample),
      onProblem: (title, words) => notice('input', `${title}. ${words}`),
    });
    const { current } = this.#shown;
    const sample = current?.picture?.sample;
    this.#samples.show(sample);
    if (!current || (sample && !this.#samples.has(sample))) this.#samples.pickFirst();
  }

  /**
   * @param {import('./service_messages.js').ModelFacts} facts
   * @param {import('./resources.js').ModelSource} source
   * @param {import('./models.js').Entry | null} entry
   */
  #useModel(facts, source, entry) {
    const again = this.#shared.model !== null || this.#shown.waitsForModel;
    this.#shared.model = { facts, source, entry };
    this.#results.setModel(facts.labels, facts.info.metadata);
    this.#classes.setModel(facts.labels);
    this.#timing.setDepth(facts.info.model.depth);
    this.#merge.setModel(facts.info.metadata);
    this.#stage.setCrop(cropOf(facts.info));
    this.#attention.setModel(facts.info.model);
    if (facts.randomised) nameRandomisedCanvas();
    this.#shown.useModel(facts.number, again);
    this.#panels.useModel();
    if (entry) this.#offerSamples(entry);
  }

  /** @param {File[]} files one or more that someone chose, dropped or pasted */
  async #takePictures(files) {
    if (!(await this.#panels.takeFiles(files))) this.#shared.showFile(files[0]);
  }

  /** @param {File} file @param {string} [sample]  its name among the samples */
  #showFile(file, sample) {
    this.#live.stop();
    if (file.type.startsWith('video/')) this.#live.startVideo(file);
    else this.#shown.showStill({ name: file.name, file, sample });
  }

  /** @param {import('./shown.js').Shown | null} record what is shown now */
  #changed(record) {
    this.#samples?.show(record?.picture?.sample);
    this.#panels.look();
    if (!record?.outcome || this.#hasAnswered) return;
    this.#hasAnswered = true;
    if (this.#options.get('offline') !== 'off') setTimeout(keepOffline, OFFLINE_AFTER_MS);
  }
}

/** What shows documents is fetched when the first is opened. @param {string} file  its path in the repository */
async function openDocument(file) {
  try {
    const documents = await import('./documents.js');
    await documents.openDocument(file);
  } catch (error) {
    notice('document', `Documents cannot be shown: ${/** @type {Error} */ (error).message}`);
  }
}

/** The links at the foot of the page, to those documents that it has. */
function offerDocuments() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-document]'))) {
    const { document: file = '' } = button.dataset;
    button.hidden = documentAddress(file) === null;
    button.addEventListener('click', () => openDocument(file));
  }
}

function nameRandomisedCanvas() {
  notice(
    'canvas',
    'This browser changes canvas pixels slightly to prevent fingerprinting. JPEG and PNG files are not affected: this page decodes them itself. Camera pictures and other formats may give slightly different results.',
  );
}

new App().start();
