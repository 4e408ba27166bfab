// SPDX-License-Identifier: MIT
// The panels beside the image: each is fetched and made when its tab is first opened, and told
// from then on what happens on the page.
import { addressed, setAddress } from './address.js';
import { notice } from './dom.js';
import { TABS, Tabs } from './tabs.js';

/**
 * @typedef {object} ModelInUse
 * @property {import('./service_messages.js').ModelFacts} facts
 * @property {import('./resources.js').ModelSource} source
 * @property {import('./models.js').Entry | null} entry  null for a file of the visitor's
 */

/**
 * What a panel may use of the page.
 * @typedef {object} Shared
 * @property {import('./service_client.js').ServiceClient} service
 * @property {boolean} hasWorkers  false where the engine had to stay on the page's thread
 * @property {'auto' | 'scalar'} variant
 * @property {ModelInUse | null} model  in use
 * @property {import('./shown.js').ShownImage} shown
 * @property {import('./live_desk.js').LiveDesk} live
 * @property {(file: File) => void} showFile  puts an image or a video on the stage
 */

/**
 * @typedef {object} Panel
 * @property {(isOpen: boolean) => void} [setOpen]  its tab was opened or left
 * @property {() => void} [useModel]                the model in use has changed
 * @property {() => void} [look]                   another image is shown, or its answer has come
 * @property {(files: File[]) => boolean} [takeFiles]  true if it has taken what was dropped or chosen
 */

/** @typedef {import('./tabs.js').TabName} TabName */

/** @type {Partial<Record<TabName, () => Promise<{open: (shared: Shared) => Panel}>>>} */
const MODULES = {
  many: () => import('./many_panel.js'),
  teach: () => import('./teach_panel.js'),
  inside: () => import('./inside_panel.js'),
};

export class Panels {
  #shared;
  /** Those opened so far. @type {Map<TabName, Panel>} */
  #made = new Map();
  #tabs = new Tabs((name) => this.#opened(name));

  /** @param {Shared} shared */
  constructor(shared) {
    this.#shared = shared;
  }

  /** @returns {TabName} */
  get current() {
    return this.#tabs.current;
  }

  /**
   * Offers files to the open panel; several of them open the panel for many.
   * @param {File[]} files
   * @returns {Promise<boolean>} whether a panel has taken them
   */
  async takeFiles(files) {
    if (this.#made.get(this.current)?.takeFiles?.(files)) return true;
    if (files.length < 2) return false;
    this.#tabs.open('many');
    return (await this.#make('many'))?.takeFiles?.(files) ?? false;
  }

  /** Opens the tab that the address names. */
  openAddressed() {
    const wanted = TABS.find((name) => name === addressed('tab'));
    if (wanted && wanted !== this.current) this.#tabs.open(wanted);
  }

  useModel() {
    for (const panel of this.#made.values()) panel.useModel?.();
  }

  look() {
    this.#made.get(this.current)?.look?.();
  }

  /** @param {TabName} name */
  async #opened(name) {
    for (const [other, panel] of this.#made) if (other !== name) panel.setOpen?.(false);
    setAddress('tab', name === 'picture' ? '' : name);
    const panel = await this.#make(name);
    if (name === this.current) panel?.setOpen?.(true);
  }

  /** @param {TabName} name @returns {Promise<Panel | undefined>} */
  async #make(name) {
    const fetchModule = MODULES[name];
    if (!fetchModule || this.#made.has(name)) return this.#made.get(name);
    try {
      const { open } = await fetchModule();
      if (!this.#made.has(name)) this.#made.set(name, open(this.#shared));
    } catch (error) {
      notice('panel', `This part of the page could not be loaded: ${/** @type {Error} */ (error).message}`);
    }
    return this.#made.get(name);
  }
}
