// SPDX-License-Identifier: MIT
// Many images, one after the other or several at once: what is kept of each is a short record, so
// memory does not grow with the images. And the records as CSV and JSON. No DOM.

/**
 * What became of one file.
 * @typedef {object} Row
 * @property {string} name
 * @property {'waiting' | 'done' | 'failed'} state
 * @property {string} label
 * @property {number} index         of the class
 * @property {number} score
 * @property {boolean} unsure       the picture looks like none of the classes
 * @property {number} ms            decode to answer, in the worker
 * @property {string} logitsSha256
 * @property {string} error         code and sentence, '' if none
 */

/** @param {File} file @returns {Row} */
export function newRow({ name, webkitRelativePath }) {
  const path = webkitRelativePath || name;
  const blank = { label: '', index: -1, score: 0, unsure: false, ms: 0, logitsSha256: '', error: '' };
  return { name: path, state: 'waiting', ...blank };
}

/**
 * Classifies all files, a few at a time, into their rows.
 * @param {File[]} files
 * @param {Row[]} rows  of the files
 * @param {(file: File, signal: AbortSignal) => Promise<import('../lib/vit158.js').Classification>} classify
 * @param {{atOnce: number, signal: AbortSignal, onRow: (index: number) => void}} options
 * @returns {Promise<void>} when all are done, or soon after the signal was aborted
 */
export async function classifyAll(files, rows, classify, { atOnce, signal, onRow }) {
  let next = 0;
  const work = async () => {
    while (next < files.length && !signal.aborted) {
      const at = next++;
      try {
        Object.assign(rows[at], recordOf(await classify(files[at], signal)));
      } catch (error) {
        if (signal.aborted) return;
        const { code = 'E_INTERNAL', message } = /** @type {any} */ (error);
        Object.assign(rows[at], { state: 'failed', error: `${code}: ${message}` });
      }
      onRow(at);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** @param {import('../lib/vit158.js').Classification} result @returns {Partial<Row>} */
function recordOf({ predictions: [first], unsure, timing, logitsSha256 }) {
  const { label, index, score } = first ?? { label: 'no classes', index: 0, score: 0 };
  return { state: 'done', label, index, score, unsure, ms: timing.total, logitsSha256 };
}

const COLUMNS = /** @type {const} */ (['file', 'label', 'class', 'score', 'unsure', 'ms', 'logits_sha256', 'error']);

/** @param {Row} row */
function valuesOf({ name, state, label, index, score, unsure, ms, logitsSha256, error }) {
  const done = state === 'done';
  return [
    name,
    label,
    done ? index : '',
    done ? Number(score.toPrecision(6)) : '',
    done ? unsure : '',
    done ? Number(ms.toFixed(3)) : '',
    logitsSha256,
    error,
  ];
}

/**
 * A field of RFC 4180. Text that a spreadsheet would take for a formula gets an apostrophe in front:
 * names of files and labels of models may be a stranger's.
 * @param {string | number | boolean} value
 */
function fieldOf(value) {
  const text = typeof value === 'string' ? value.replace(/^[=+\-@\t\r]/, "'$&") : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {Row[]} rows @returns {string} CSV; rows still waiting are left out */
export function toCsv(rows) {
  const finished = rows.filter(({ state }) => state !== 'waiting');
  return [COLUMNS, ...finished.map(valuesOf)].map((line) => `${line.map(fieldOf).join(',')}\r\n`).join('');
}

/**
 * @param {Row[]} rows
 * @param {import('../lib/vit158.js').Info} info  of the model
 * @returns {string}
 */
export function toJson(rows, { version, numericsVersion, engine, name, metadata, memoryBytes }) {
  const results = rows
    .filter(({ state }) => state !== 'waiting')
    .map((row) => {
      const entries = valuesOf(row).map((value, i) => [COLUMNS[i], value]);
      return Object.fromEntries(entries.filter(([, value]) => value !== ''));
    });
  const model = name || metadata.dataset || '';
  const run = { engine, numerics_version: numericsVersion, memory_bytes: memoryBytes };
  return `${JSON.stringify({ version, model, ...run, results }, null, 1)}\n`;
}
