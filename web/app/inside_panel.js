// SPDX-License-Identifier: MIT
// "Inside the model": the ternary weights of every matrix, counted and drawn.
import { byId, element } from './dom.js';
import { count, percent } from './format.js';
import { fetchManifest, goldenFile } from './resources.js';
import { TensorView, TENSOR_MARKUP } from './tensor_view.js';

const MARKUP = `
  <div class="card-head"><h2 class="label">Inside the model</h2></div>
  <p id="inside-words" class="quiet" role="status">Opening the model…</p>
  <div id="inside-body" class="inside-body" hidden>
    <div class="inside-list">
      <h3 id="inside-list-title" class="label">Share of zeros in each matrix</h3>
      <table class="inside-table" aria-labelledby="inside-list-title">
        <thead><tr><th scope="col">Block</th><th scope="col" title="attn.qkv: queries, keys and values">qkv</th><th scope="col" title="attn.proj: what attention gives back">proj</th><th scope="col" title="mlp.fc1: the wide layer">fc1</th><th scope="col" title="mlp.fc2: back to the width of the model">fc2</th></tr></thead>
        <tbody id="inside-rows"></tbody>
      </table>
    </div>
    <figure class="inside-figure">
      <div id="inside-box" class="inside-box" tabindex="0" role="group" aria-label="Picture of the matrix, can be scrolled"><canvas id="inside-canvas" class="inside-canvas pixelated" width="1" height="1" role="img" aria-label="No matrix yet"></canvas></div>
      <label class="slider quiet">Zoom<input id="inside-zoom" type="range" min="1" max="8" value="1"></label>
      <figcaption>
        <p id="inside-name" class="inside-name"></p>
        <div id="inside-shares" class="inside-shares"><span class="is-minus"></span><span class="is-zero"></span><span class="is-plus"></span></div>
        <p id="inside-counts" class="quiet"></p>
        <p id="inside-meaning" class="quiet"></p>
      </figcaption>
    </figure>
  </div>
  ${TENSOR_MARKUP}
  <div id="check" class="check">
    <div>
      <h3 class="label">Check this browser</h3>
      <p class="quiet">Runs pictures and compares each step with what was recorded of them elsewhere, bit by bit. For any
        other model choose its golden file (from <code>vit158 record</code>) together with the pictures that it names.</p>
      <p id="check-words" class="check-words" role="status"></p>
      <ul id="check-list" class="check-list quiet"></ul>
    </div>
    <div class="check-actions">
      <button id="check-run" class="button small" type="button">Check</button>
      <button id="check-open" class="button small" type="button">Golden file</button>
      <input id="check-file" type="file" multiple aria-label="Golden file, its pictures and maybe its model" tabindex="-1" hidden>
    </div>
  </div>`;

const PARTS = ['attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2'];

/** @param {import('./service_messages.js').MatrixFacts} matrix @returns {number[]} shares of -1, 0, +1 */
const sharesOf = ({ counts, rows, nIn }) => counts.map((n) => n / (rows * nIn));

/** What the drawing means. @param {import('./service_messages.js').MatrixFacts} matrix @returns {string} */
function meaningOf({ rows, nOut }) {
  const row =
    rows === nOut
      ? 'A row is an output'
      : `${rows.toLocaleString('en')} rows, each with a scale of its own, add up to ${nOut.toLocaleString('en')} outputs`;
  return `Black is −1, grey 0, white +1. ${row}; a column is an input.`;
}

class InsidePanel {
  #shared;
  /** Whose matrices are listed. @type {import('./panels.js').ModelInUse | null} */
  #model = null;
  #isOpen = false;
  #tensors;
  /** Wanted last; an older image that comes later is dropped. */
  #wanted = '';

  /** @param {import('./panels.js').Shared} shared */
  constructor(shared) {
    this.#shared = shared;
    byId('panel-inside').innerHTML = MARKUP;
    this.#tensors = new TensorView(shared);
    /** @type {HTMLInputElement} */
    const zoom = byId('inside-zoom');
    zoom.addEventListener('input', () => byId('inside-canvas').style.setProperty('--zoom', zoom.value));
    byId('check-run').addEventListener('click', () =>
      this.#check(({ recorded }) => recorded(this.#shared.model?.entry ?? null)),
    );
    this.#offerCheck().catch(() => {}); // the button stays, and says what is wrong
    /** @type {HTMLInputElement} */
    const input = byId('check-file');
    byId('check-open').addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])];
      input.value = '';
      this.#check(({ recordedIn }) => recordedIn(files, this.#shared.model));
    });
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.#isOpen = isOpen;
    if (isOpen) this.#showAll();
  }

  useModel() {
    if (this.#isOpen) this.#showAll();
  }

  #showAll() {
    this.#list();
    this.#tensors.show().catch((error) => this.#say(`The tensors cannot be shown: ${error.message}`));
  }

  /** A page without any record, as a bundle without images, checks by a golden file only. */
  async #offerCheck() {
    const { models } = await fetchManifest();
    byId('check-run').hidden = !models.some(goldenFile);
  }

  /** @param {(module: typeof import('./check.js')) => Promise<import('./check.js').Checked>} find */
  async #check(find) {
    /** @type {HTMLButtonElement} */
    const button = byId('check-run');
    const words = byId('check-words');
    button.disabled = true;
    words.dataset.state = 'busy';
    words.textContent = 'Starting…';
    byId('check-list').replaceChildren();
    try {
      const module = await import('./check.js');
      const checked = await find(module);
      const [verdict, ...lines] = await module.checkBrowser(checked, this.#shared, ({ done, total }) => {
        words.textContent = `${done} of ${total}`;
      });
      words.dataset.state = lines.length ? 'bad' : 'good';
      words.textContent = verdict;
      byId('check-list').replaceChildren(...lines.map((line) => element('li', '', line)));
    } catch (error) {
      words.dataset.state = 'bad';
      words.textContent = `It could not be checked: ${/** @type {Error} */ (error).message}`;
    }
    button.disabled = false;
  }

  async #list() {
    const { model } = this.#shared;
    if (!model || model === this.#model) return;
    this.#model = model;
    byId('inside-body').hidden = true;
    this.#say('Counting the weights…');
    try {
      const matrices = await this.#shared.service.matrices(model);
      if (model !== this.#model) return;
      if (matrices.length === 0) {
        this.#say('This model has no ternary weights: its numbers are floats. All of them are listed below.');
        return;
      }
      const total = matrices.reduce((sum, { rows, nIn }) => sum + rows * nIn, 0);
      const zeros = matrices.reduce((sum, { counts }) => sum + counts[1], 0);
      const weights = matrices.reduce((sum, { nOut, nIn }) => sum + nOut * nIn, 0);
      const kind = total === weights ? 'ternary weights' : `weights as sums of ${count(total)} ternary ones`;
      this.#say(
        `${count(weights)} ${kind} in ${matrices.length} matrices; ${percent(zeros / total)} are zero, the rest are only added or subtracted.`,
      );
      this.#fill(matrices);
      byId('inside-body').hidden = false;
      await this.#show(matrices[0]);
    } catch (error) {
      if (model !== this.#model) return;
      this.#model = null;
      this.#say(`The weights cannot be shown: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {import('./service_messages.js').MatrixFacts[]} matrices */
  #fill(matrices) {
    const depth = 1 + Math.max(...matrices.map(({ name }) => Number(name.split('.')[1])));
    const rows = Array.from({ length: depth }, (_, block) => {
      const head = element('th', '', String(block + 1));
      head.setAttribute('scope', 'row');
      const cells = PARTS.map((part) => {
        const matrix = matrices.find(({ name }) => name === `blocks.${block}.${part}.weight`);
        return element('td', '', matrix ? [this.#button(matrix)] : []);
      });
      return element('tr', '', [head, ...cells]);
    });
    byId('inside-rows').replaceChildren(...rows);
  }

  /** @param {import('./service_messages.js').MatrixFacts} matrix @returns {HTMLElement} */
  #button(matrix) {
    const zeros = sharesOf(matrix)[1];
    const button = element('button', 'inside-cell', percent(zeros));
    button.setAttribute('type', 'button');
    button.setAttribute('aria-label', `${titleOf(matrix)}: ${percent(zeros)} zeros`);
    button.dataset.name = matrix.name;
    button.style.setProperty('--share', String(zeros));
    button.addEventListener('click', () => this.#show(matrix));
    return button;
  }

  /** @param {import('./service_messages.js').MatrixFacts} matrix */
  async #show(matrix) {
    const model = this.#model;
    if (!model) return;
    this.#wanted = matrix.name;
    for (const button of byId('inside-rows').querySelectorAll('button'))
      button.setAttribute('aria-pressed', String(button.dataset.name === matrix.name));
    const { data, width, height } = await this.#shared.service.weights(model, matrix.name);
    if (this.#wanted !== matrix.name || model !== this.#model) return;
    /** @type {HTMLCanvasElement} */
    const canvas = byId('inside-canvas');
    canvas.width = width;
    canvas.height = height;
    const image = new ImageData(width, height);
    image.data.set(data);
    canvas.getContext('2d')?.putImageData(image, 0, 0);
    const shares = sharesOf(matrix);
    const words = `−1: ${percent(shares[0])}, 0: ${percent(shares[1])}, +1: ${percent(shares[2])}`;
    canvas.setAttribute('aria-label', `${titleOf(matrix)}, ${words}`);
    byId('inside-name').textContent = titleOf(matrix);
    byId('inside-counts').textContent = `${height} × ${width} weights. ${words}`;
    byId('inside-meaning').textContent = meaningOf(matrix);
    [...byId('inside-shares').children].forEach((part, i) =>
      /** @type {HTMLElement} */ (part).style.setProperty('--share', String(shares[i])),
    );
  }

  /** @param {string} words */
  #say(words) {
    byId('inside-words').textContent = words;
  }
}

/** @param {import('./service_messages.js').MatrixFacts} matrix @returns {string} "Block 1, attn.qkv" */
function titleOf({ name }) {
  const [, block, ...rest] = name.split('.');
  return `Block ${Number(block) + 1}, ${rest.slice(0, -1).join('.')}`;
}

/** @param {import('./panels.js').Shared} shared @returns {import('./panels.js').Panel} */
export const open = (shared) => new InsidePanel(shared);
