// SPDX-License-Identifier: MIT
// Which model is in use: offers those of the manifest, opens a choice, lets a newer choice take
// over, and shows what went wrong. The model card itself is models.js.
import { addressed, rememberedModel, rememberModel, setAddress } from './address.js';
import { notice } from './dom.js';
import { duration } from './format.js';
import { Models } from './models.js';
import { fetchManifest, modelSource } from './resources.js';

/**
 * A model that someone chose: an entry of the manifest, or a file.
 * @typedef {{entry?: import('./models.js').Entry, file?: File, metadata?: Record<string, string>,
 *            said?: import('./import_file.js').Said}} Choice  with what the file does not say itself
 */

/**
 * @typedef {object} Handlers
 * @property {(entry: import('./models.js').Entry) => void} onFirst  the one that is loaded first
 * @property {(facts: import('./service_messages.js').ModelFacts, source: import('./resources.js').ModelSource,
 *             entry: import('./models.js').Entry | null) => void} onModel
 *   one is loaded and in use from now on; null for a file of the visitor's
 * @property {(error: {code: string, message: string}) => void} onFailed  a load failed and there is none
 * @property {(file: string) => void} onCard                              a card is to be shown
 * @property {() => void} onCancelled                                     a load was cancelled and there is none
 */

export class ModelDesk {
  #service;
  /** 'auto' or 'scalar'. @type {'auto' | 'scalar'} */
  #variant;
  #handlers;
  #card = new Models({
    onPick: (entry) => {
      rememberModel(entry.name);
      this.load({ entry });
    },
    onCancel: () => this.#abort?.abort(),
    onCard: (file) => this.#handlers.onCard(file),
    onRetry: () => (this.#last ? this.load(this.#last) : this.offer()),
  });
  /** @type {AbortController | null} */
  #abort = null;
  /** @type {Choice | null} */
  #last = null;
  #hasModel = false;

  /**
   * @param {import('./service_client.js').ServiceClient} service
   * @param {'auto' | 'scalar'} variant
   * @param {Handlers} handlers
   */
  constructor(service, variant, handlers) {
    this.#service = service;
    this.#variant = variant;
    this.#handlers = handlers;
  }

  /** Fills the picker and starts loading: what the address names, else what was used last, else the first. */
  async offer() {
    try {
      const { models, default: first } = await fetchManifest();
      this.#card.setEntries(models);
      const wanted = [addressed('model'), rememberedModel(), first];
      const entry = wanted.map((name) => models.find((one) => one.name === name)).find(Boolean) ?? models[0];
      if (wanted[0] && entry.name !== wanted[0])
        notice('address', `There is no model ${wanted[0]} here; this is ${entry.title}.`);
      this.#handlers.onFirst(entry);
      this.load({ entry });
    } catch (error) {
      this.#failed({ code: 'E_NETWORK', message: /** @type {Error} */ (error).message });
    }
  }

  /** @param {Choice} choice */
  async load(choice) {
    const { entry, file, metadata, said } = choice;
    this.#last = { entry, file };
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const start = performance.now();
    this.#card.showBusy(entry ? `Fetching ${entry.title}` : `Opening ${file?.name}`);
    try {
      const given = entry ? await modelSource(entry) : { file, metadata };
      const request = { ...given, said, engine: this.#variant };
      const facts = await this.#service.load(request, {
        signal: abort.signal,
        onProgress: (progress) => this.#card.showProgress(progress, performance.now() - start),
      });
      const source = facts.file ? { file: facts.file } : given; // what was imported is opened again as it is
      this.#hasModel = true;
      const words = `Loaded and checked in ${duration(performance.now() - start)}.`;
      this.#card.showFacts(facts.info, this.#service.thread, entry ?? null, file?.name ?? '', words);
      setAddress('model', entry?.name ?? '');
      this.#handlers.onModel(facts, source, entry ?? null);
    } catch (error) {
      if (abort !== this.#abort) return; // another choice took over
      if (abort.signal.aborted) this.#cancelled();
      else if (!file || metadata || said || !(await this.#asksFor(file, /** @type {any} */ (error))))
        this.#failed(/** @type {any} */ (error), file?.name);
    }
  }

  /**
   * Files of other libraries lack what no shape tells: asks for it, and opens the file with that.
   * @param {File} file
   * @param {{code: string, message: string}} error
   */
  async #asksFor(file, error) {
    const { askForMissing, metadataOf, wayAround } = await import('./missing_form.js');
    const way = wayAround(error);
    if (way === null) return false;
    const said = await askForMissing(file.name, way);
    if (said === null) return false;
    this.load(way === 'import' ? { file, said } : { file, metadata: metadataOf(said) });
    return true;
  }

  #cancelled() {
    this.#card.showIdle('Cancelled.');
    if (!this.#hasModel) this.#handlers.onCancelled();
  }

  /**
   * @param {{code: string, message: string}} error
   * @param {string} [name] of a local file
   */
  #failed(error, name) {
    this.#card.showError(error, this.#hasModel, name);
    if (!this.#hasModel) this.#handlers.onFailed(error);
  }
}
