// SPDX-License-Identifier: MIT
// The tabs: one panel at a time beside the image, arrow keys as in the ARIA practices. What a
// panel does is fetched when it is first opened, so the first answer does not wait for it.
import { byId } from './dom.js';

/** Names of the panels: #tab-NAME opens #panel-NAME. */
export const TABS = /** @type {const} */ (['picture', 'many', 'teach', 'inside']);

/** @typedef {typeof TABS[number]} TabName */

export class Tabs {
  #buttons = TABS.map((name) => byId(`tab-${name}`));
  /** @type {TabName} */
  #open = 'picture';
  #onOpen;

  /** @param {(name: TabName) => void} onOpen  called after the panel is shown */
  constructor(onOpen) {
    this.#onOpen = onOpen;
    this.#buttons.forEach((button, i) => {
      button.addEventListener('click', () => this.open(TABS[i]));
      button.addEventListener('keydown', (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const to = event.key === 'Home' ? 0 : event.key === 'End' ? TABS.length - 1 : step && i + step;
        if (to === undefined) return;
        event.preventDefault();
        const target = (to + TABS.length) % TABS.length;
        this.open(TABS[target]);
        this.#buttons[target].focus();
      });
    });
  }

  /** @returns {TabName} */
  get current() {
    return this.#open;
  }

  /** @param {TabName} name */
  open(name) {
    this.#open = name;
    TABS.forEach((one, i) => {
      const isOpen = one === name;
      byId(`panel-${one}`).hidden = !isOpen;
      this.#buttons[i].setAttribute('aria-selected', String(isOpen));
      this.#buttons[i].tabIndex = isOpen ? 0 : -1;
    });
    this.#onOpen(name);
  }
}
