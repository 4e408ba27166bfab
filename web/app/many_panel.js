// SPDX-License-Identifier: MIT
// Many images: a table that fills while the library's workers are at it, page by page, with
// progress, cancel, and the results as a file. A row's image goes to the stage by a click.
import { classifyAll, newRow, toCsv, toJson } from './batch.js';
import { byId, element } from './dom.js';
import { duration, labelParts, percent, rate } from './format.js';
import { pictureWords } from './messages.js';
import { loadPool } from './resources.js';
import { saveFile } from './save_file.js';
import { Thumbnails } from './thumbnails.js';

/** Rows that are shown at once. */
const PAGE_ROWS = 12;
const MOST_WORKERS = 4;
/** Images under way in each worker: the next one is there when one is done. */
const AHEAD = 2;

const MARKUP = `
  <div class="card-head">
    <h2 class="label">Many pictures</h2>
    <div class="many-actions">
      <button id="many-csv" class="button small" type="button" disabled>CSV</button>
      <button id="many-json" class="button small" type="button" disabled>JSON</button>
    </div>
  </div>
  <div id="many-empty" class="many-empty">
    <p class="many-lead">Drop pictures here, or a whole folder</p>
    <p class="quiet">All are classified on this device, one on each core but at most four at a time. The
      results can be saved as CSV or JSON.</p>
    <button id="many-choose" class="button primary" type="button">Choose pictures</button>
    <input id="many-file" type="file" accept="image/*" multiple aria-label="Picture files" tabindex="-1" hidden>
  </div>
  <div id="many-run" class="many-run" hidden>
    <div id="many-bar" class="load-bar" role="progressbar" aria-label="Pictures" aria-valuemin="0" aria-valuemax="100"></div>
    <p id="many-words" class="quiet many-words" role="status"></p>
    <button id="many-cancel" class="button small" type="button">Cancel</button>
    <button id="many-more" class="button small" type="button" hidden>Other pictures</button>
  </div>
  <div id="many-table-box" class="many-table-box" hidden>
    <table class="many-table">
      <thead><tr><th scope="col"><span class="hidden-text">Picture</span></th><th scope="col">File</th>
        <th scope="col">Seen</th><th scope="col" class="number">Score</th><th scope="col" class="number">Time</th></tr></thead>
      <tbody id="many-rows"></tbody>
    </table>
  </div>
  <div id="many-pager" class="many-pager" hidden>
    <button id="many-back" class="button small" type="button">Back</button>
    <p id="many-page" class="quiet" role="status"></p>
    <button id="many-next" class="button small" type="button">Next</button>
  </div>`;

/** One row of the table; rows are filled anew when the page is turned. */
class RowView {
  node = element('tr');
  #canvas = /** @type {HTMLCanvasElement} */ (element('canvas', 'many-thumb'));
  #open = element('button', 'many-open');
  #label = element('td');
  #score = element('td', 'number');
  #time = element('td', 'number');
  /** What is shown, to leave it alone while it is right. @type {import('./batch.js').Row | null} */
  #row = null;

  /** @param {() => void} onOpen */
  constructor(onOpen) {
    this.#open.setAttribute('type', 'button');
    this.#open.title = 'Show this picture';
    this.#open.addEventListener('click', onOpen);
    this.node.append(
      element('td', '', [this.#canvas]),
      element('td', 'many-file', [this.#open]),
      this.#label,
      this.#score,
      this.#time,
    );
  }

  /**
   * @param {import('./batch.js').Row} row
   * @param {File} file
   * @param {Thumbnails} thumbnails
   */
  fill(row, file, thumbnails) {
    const { name, state, label, index, score, unsure, ms, error } = row;
    if (row === this.#row && state === this.node.dataset.state) return;
    this.#row = row;
    thumbnails.show(this.#canvas, file);
    this.#open.textContent = name;
    this.node.dataset.state = state;
    this.node.dataset.unsure = String(unsure);
    const [guess] = labelParts(label, index);
    this.#label.textContent =
      state === 'done'
        ? unsure
          ? `None (${guess}?)`
          : guess
        : state === 'failed'
          ? pictureWords(error.replace(/:.*/s, '')).title
          : '…';
    this.#label.title = unsure ? `It looks like none of the classes; the best guess is ${guess}.` : error;
    this.#score.textContent = state === 'done' ? percent(score) : '';
    this.#time.textContent = state === 'done' ? duration(ms) : '';
  }
}

class ManyPanel {
  #shared;
  #thumbnails = new Thumbnails();
  /** @type {File[]} */
  #files = [];
  /** @type {import('./batch.js').Row[]} */
  #rows = [];
  #page = 0;
  #finished = 0;
  #started = 0;
  /** @type {AbortController | null} */
  #abort = null;
  /** A drawing is on its way with the next frame. */
  #isDue = false;
  /** Of the workers that gave the results, once they have. @type {import('../lib/vit158.js').Info | null} */
  #info = null;
  /** @type {RowView[]} */
  #views = [];

  /** @param {import('./panels.js').Shared} shared */
  constructor(shared) {
    this.#shared = shared;
    byId('panel-many').innerHTML = MARKUP;
    this.#views = Array.from(
      { length: PAGE_ROWS },
      (_, i) => new RowView(() => shared.showFile(this.#files[this.#page * PAGE_ROWS + i])),
    );
    byId('many-rows').append(...this.#views.map(({ node }) => node));
    /** @type {HTMLInputElement} */
    const input = byId('many-file');
    for (const id of ['many-choose', 'many-more']) byId(id).addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      if (input.files?.length) this.#run([...input.files]);
      input.value = '';
    });
    byId('many-cancel').addEventListener('click', () => this.#abort?.abort());
    byId('many-back').addEventListener('click', () => this.#turn(-1));
    byId('many-next').addEventListener('click', () => this.#turn(1));
    byId('many-csv').addEventListener('click', () => saveFile('vit158-results.csv', 'text/csv', toCsv(this.#rows)));
    byId('many-json').addEventListener('click', () => {
      if (this.#info) saveFile('vit158-results.json', 'application/json', toJson(this.#rows, this.#info));
    });
  }

  /** @param {File[]} files @returns {boolean} */
  takeFiles(files) {
    this.#run(files);
    return true;
  }

  /** @param {File[]} files */
  async #run(files) {
    const { model, variant, hasWorkers } = this.#shared;
    if (!model) return this.#say('There is no model yet: pick one first.');
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#files = files;
    this.#rows = files.map(newRow);
    this.#page = this.#finished = 0;
    this.#info = null;
    this.#setRunning(true);
    this.#say('Starting the workers…');
    this.#draw();
    /** @type {import('../lib/vit158.js').Classifier | undefined} */
    let pool;
    try {
      const count = Math.min(navigator.hardwareConcurrency || 2, MOST_WORKERS, files.length);
      const { signal } = abort;
      const options = { variant, worker: hasWorkers && count, signal };
      const vit = (pool = await loadPool(model.source, options));
      this.#started = performance.now();
      await classifyAll(files, this.#rows, (file) => vit.classify(file, { topK: 1, signal }), {
        atOnce: count * AHEAD,
        signal,
        onRow: () => this.#rowDone(abort),
      });
      if (abort === this.#abort) this.#info = vit.info();
      this.#ended(abort);
    } catch (error) {
      if (abort.signal.aborted) this.#ended(abort);
      else if (abort === this.#abort) {
        this.#setRunning(false);
        this.#say(`It did not work: ${/** @type {Error} */ (error).message}`);
      }
    } finally {
      pool?.dispose();
    }
    return undefined;
  }

  /** @param {AbortController} abort of the run it belongs to */
  #rowDone(abort) {
    if (abort !== this.#abort) return;
    this.#finished++;
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      if (abort !== this.#abort) return;
      if (this.#finished < this.#rows.length && !abort.signal.aborted) this.#say(this.#progress());
      this.#draw();
    }, 100);
  }

  /** @returns {string} */
  #progress() {
    const perSecond = this.#finished / ((performance.now() - this.#started) / 1000);
    const left = (this.#rows.length - this.#finished) / perSecond;
    const done = `${this.#finished.toLocaleString('en')} of ${this.#rows.length.toLocaleString('en')}`;
    return `${done}, ${rate(perSecond)} a second, ${Math.ceil(left)} s left`;
  }

  /** @param {AbortController} abort of the run that has ended */
  #ended(abort) {
    if (abort !== this.#abort) return;
    const seconds = (performance.now() - this.#started) / 1000;
    const failed = this.#rows.filter(({ state }) => state === 'failed').length;
    const all = this.#rows.length.toLocaleString('en');
    const words = abort.signal.aborted
      ? `Cancelled after ${this.#finished.toLocaleString('en')} of ${all}`
      : `${all} pictures in ${duration(seconds * 1000)}, ${rate(this.#finished / seconds)} a second`;
    this.#setRunning(false);
    this.#say(`${words}${failed ? `; ${failed} could not be read` : ''}.`);
    this.#draw();
  }

  /** @param {boolean} on */
  #setRunning(on) {
    byId('many-empty').hidden = true;
    for (const id of ['many-run', 'many-table-box']) byId(id).hidden = false;
    byId('many-run').dataset.state = on ? 'busy' : 'idle';
    byId('many-cancel').hidden = !on;
    byId('many-more').hidden = on;
    for (const id of ['many-csv', 'many-json'])
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = on || !this.#info;
  }

  /** @param {string} words */
  #say(words) {
    byId('many-run').hidden = false;
    byId('many-words').textContent = words;
  }

  /** @param {number} step */
  #turn(step) {
    this.#page += step;
    this.#draw();
  }

  #draw() {
    const share = this.#finished / this.#rows.length;
    byId('many-bar').style.setProperty('--done', String(share));
    byId('many-bar').setAttribute('aria-valuenow', String(Math.round(share * 100)));
    const first = this.#page * PAGE_ROWS;
    this.#views.forEach((view, i) => {
      const row = this.#rows[first + i];
      view.node.hidden = !row;
      if (row) view.fill(row, this.#files[first + i], this.#thumbnails);
    });
    const pages = Math.ceil(this.#rows.length / PAGE_ROWS);
    byId('many-pager').hidden = pages < 2;
    byId('many-page').textContent = `Page ${this.#page + 1} of ${pages}`;
    /** @type {HTMLButtonElement} */ (byId('many-back')).disabled = this.#page === 0;
    /** @type {HTMLButtonElement} */ (byId('many-next')).disabled = this.#page === pages - 1;
  }
}

/** @param {import('./panels.js').Shared} shared @returns {import('./panels.js').Panel} */
export const open = (shared) => new ManyPanel(shared);
