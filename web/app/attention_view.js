// SPDX-License-Identifier: MIT
// Where the class token looked: one small image for all blocks together (attention rollout) and
// one for each head of a block, lit where it looked; any of them can be laid over the image.
import { drawShade, mapOf, ROLLOUT } from './attention_maps.js';
import { byId, element } from './dom.js';

/** Darkness of what was not looked at, on the small images. */
const TILE_STRENGTH = 0.8;
const TILE_AREA = { left: 0, top: 0, width: 128, height: 128 };
export class AttentionView {
  /** @type {HTMLInputElement} */
  #block = byId('looked-block');
  /** @type {HTMLInputElement} */
  #strength = byId('looked-strength');
  #tiles = byId('looked-tiles');
  /** @type {HTMLCanvasElement} */
  #seen = byId('seen');
  /** @type {import('../lib/vit158.js').Attention | null} */
  #attention = null;
  /** The head that lies over the image, ROLLOUT, or null. @type {number | null} */
  #chosen = null;
  #onOverlay;

  /** @param {(overlay: import('./attention_maps.js').Overlay | null) => void} onOverlay */
  constructor(onOverlay) {
    this.#onOverlay = onOverlay;
    this.#block.addEventListener('input', () => this.#draw());
    this.#strength.addEventListener('input', () => this.#lay());
  }

  /** True while a map lies over the image: live images need theirs with every frame. */
  get isOverlaid() {
    return this.#chosen !== null;
  }

  /** Makes room for the maps of a model. @param {import('../lib/vit158.js').ModelInfo} model */
  setModel({ depth, heads }) {
    this.clear();
    this.#block.max = String(depth);
    this.#block.value = String(depth);
    if (this.#chosen !== null && this.#chosen >= heads) this.#chosen = null;
    const names = ['All', ...Array.from({ length: heads }, (_, i) => `Head ${i + 1}`)];
    this.#tiles.replaceChildren(...names.map((name, i) => this.#tile(name, i - 1)));
    this.#mark();
  }

  /** @param {import('../lib/vit158.js').Attention} attention of the image in use */
  show(attention) {
    this.#attention = attention;
    this.#draw();
  }

  /** The image in use is another one, and its attention is not known yet. */
  clear() {
    this.#attention = null;
    for (const canvas of this.#tiles.querySelectorAll('canvas')) canvas.width = canvas.height = 1;
    this.#onOverlay(null);
  }

  /** @param {string} name @param {number} head @returns {HTMLElement} */
  #tile(name, head) {
    const canvas = /** @type {HTMLCanvasElement} */ (element('canvas', 'looked-map'));
    canvas.width = canvas.height = 1;
    const button = element('button', 'looked-tile', [canvas, element('span', '', name)]);
    button.setAttribute('type', 'button');
    button.title =
      head === ROLLOUT ? 'All blocks and heads together (attention rollout)' : `${name} of the chosen block`;
    button.dataset.head = String(head);
    button.addEventListener('click', () => {
      this.#chosen = this.#chosen === head ? null : head;
      this.#mark();
      this.#lay();
    });
    return button;
  }

  #mark() {
    for (const button of this.#tiles.children)
      button.setAttribute(
        'aria-pressed',
        String(Number(/** @type {HTMLElement} */ (button).dataset.head) === this.#chosen),
      );
    this.#strength.disabled = this.#chosen === null;
  }

  #draw() {
    byId('looked-block-words').textContent = `Block ${this.#block.value}`;
    const attention = this.#attention;
    if (!attention) return;
    for (const button of /** @type {Iterable<HTMLElement>} */ (this.#tiles.children)) {
      const map = this.#map(attention, Number(button.dataset.head));
      const canvas = /** @type {HTMLCanvasElement} */ (button.querySelector('canvas'));
      canvas.width = canvas.height = 128;
      const context = canvas.getContext('2d');
      if (!context) continue;
      context.imageSmoothingEnabled = this.#seen.width > 128;
      context.drawImage(this.#seen, 0, 0, 128, 128);
      context.imageSmoothingEnabled = true;
      drawShade(context, { map, side: attention.side, strength: TILE_STRENGTH }, TILE_AREA);
    }
    this.#lay();
  }

  #lay() {
    const attention = this.#attention;
    if (this.#chosen === null || !attention) return this.#onOverlay(null);
    const strength = Number(this.#strength.value) / 100;
    const map = this.#map(attention, this.#chosen);
    return this.#onOverlay({ map, side: attention.side, strength });
  }

  /** @param {import('../lib/vit158.js').Attention} attention @param {number} head */
  #map(attention, head) {
    return mapOf(attention, Number(this.#block.value) - 1, head);
  }
}
