// SPDX-License-Identifier: MIT
// "Inside the model" for every kind of model: all tensors, the spread of any of them, the metadata, and
// the steps of an answer; and all of that as JSON.
import { byId, element } from './dom.js';
import { percent, size } from './format.js';
import { saveFile } from './save_file.js';

export const TENSOR_MARKUP = `
  <details id="tensors" class="classes">
    <summary>All tensors, metadata and steps</summary>
    <div id="spread" class="spread" hidden>
      <h3 id="spread-name" class="label"></h3>
      <div id="spread-bars" class="block-bars" role="img" aria-labelledby="spread-words"></div>
      <p id="spread-words" class="quiet"></p>
    </div>
    <div class="teach-table-box tensors-box" tabindex="0" role="group" aria-label="Tensors">
      <table class="teach-table"><thead><tr><th scope="col">Tensor</th><th scope="col">Shape</th><th scope="col">Type</th><th scope="col">Bytes</th></tr></thead><tbody id="tensor-rows"></tbody></table>
    </div>
    <h3 class="label">Metadata</h3>
    <div class="tensors-box" tabindex="0" role="group" aria-label="Metadata"><dl id="tensor-metadata" class="facts"></dl></div>
    <p class="quiet">Steps of an answer: <span id="tensor-steps">–</span></p>
    <button id="tensor-save" class="button small" type="button">Save as JSON</button>
  </details>`;

/** Longer values, such as the list of labels, are shown cut. */
const MOST_SHOWN = 200;

export class TensorView {
  #shared;
  /** @type {{model: import('./panels.js').ModelInUse, tensors: import('./service_messages.js').TensorFacts[]} | null} */
  #shown = null;

  /** @param {import('./panels.js').Shared} shared */
  constructor(shared) {
    this.#shared = shared;
    /** @type {HTMLDetailsElement} */
    const box = byId('tensors');
    box.addEventListener('toggle', () => this.show());
    byId('tensor-save').addEventListener('click', () => this.#save());
  }

  /** The model in use, if someone looks. */
  async show() {
    const { model, service } = this.#shared;
    if (!model || !(/** @type {HTMLDetailsElement} */ (byId('tensors')).open)) return;
    byId('tensor-steps').textContent = this.#steps().join(', ') || 'none yet';
    if (this.#shown?.model === model) return;
    const tensors = await service.tensors(model);
    if (model !== this.#shared.model) return;
    this.#shown = { model, tensors };
    byId('spread').hidden = true;
    byId('tensor-rows').replaceChildren(...tensors.map((facts) => this.#row(facts)));
    byId('tensor-metadata').replaceChildren(
      ...Object.entries(model.facts.info.metadata).map(([key, value]) =>
        element('div', '', [
          element('dt', '', key),
          element('dd', '', value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}…` : value),
        ]),
      ),
    );
  }

  /** @returns {string[]} names of the steps, as the answer on the stage ran them */
  #steps() {
    return this.#shared.shown.current?.outcome?.times.steps.map(({ name }) => name) ?? [];
  }

  /** @param {import('./service_messages.js').TensorFacts} facts @returns {HTMLElement} */
  #row({ name, shape, type, bytes }) {
    const open = element('button', 'many-open', name);
    open.setAttribute('type', 'button');
    open.title = 'Show how its values are spread';
    open.addEventListener('click', () => this.#spread(name));
    const cells = [shape.join(' × ') || '1', type, size(bytes)].map((words) => element('td', '', words));
    return element('tr', '', [element('td', 'tensor-name', [open]), ...cells]);
  }

  /** @param {string} name */
  async #spread(name) {
    const { model, service } = this.#shared;
    if (!model) return;
    byId('spread').hidden = false;
    byId('spread-name').textContent = name;
    byId('spread-words').textContent = 'Reading its values…';
    const found = await service.spread(model, name);
    if (model !== this.#shared.model || byId('spread-name').textContent !== name) return;
    const most = Math.max(...found.bins, 1);
    byId('spread-bars').replaceChildren(
      ...found.bins.map((count) => {
        const bar = element('div', 'block-part tone-attn');
        bar.style.setProperty('--share', String(count / most));
        return element('div', 'block-column', [bar]);
      }),
    );
    const [low, high, mean] = [found.low, found.high, found.mean].map((value) => Number(value.toPrecision(4)));
    byId('spread-words').textContent =
      `${found.count.toLocaleString('en')} values from ${low} to ${high}, mean ${mean}; ${percent(found.zeros)} are zero.`;
  }

  #save() {
    if (!this.#shown) return;
    const { model, tensors } = this.#shown;
    const { info } = model.facts;
    const content = {
      name: model.entry?.name ?? info.name,
      model: info.model,
      metadata: info.metadata,
      steps: this.#steps(),
      tensors,
    };
    saveFile('model.json', 'application/json', `${JSON.stringify(content, null, 1)}\n`);
  }
}
