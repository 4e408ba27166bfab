// SPDX-License-Identifier: MIT
// Talking to the person at the terminal: complaints and a progress bar on stderr, records on stdout.
import { Vit158Error } from '../lib/errors.js';

/** The same for every command and for the native one. */
export const EXIT = Object.freeze({ OK: 0, FAILED: 1, USAGE: 2 });

const BAR_WIDTH = 30;
const REDRAW_MS = 100;

/**
 * One line on stderr. An error that is none of ours is a defect and shows where it came from.
 * @param {string} command
 * @param {string | undefined} subject a file or folder
 * @param {unknown} error
 */
export function complain(command, subject, error) {
  const problem = problemOf(subject, error);
  const message = error instanceof Vit158Error ? printable(problem) : problem;
  process.stderr.write(`vit158 ${command}: ${subject === undefined ? '' : `${printable(subject)}: `}${message}\n`);
  return EXIT.FAILED;
}

/** What is said of an error after its subject. @param {string | undefined} subject @param {unknown} error */
export function problemOf(subject, error) {
  if (error instanceof Vit158Error) return problemWith(subject, error);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/**
 * The library names the file in its messages; the commands have it before them.
 * @param {string | undefined} subject
 * @param {Vit158Error} error
 */
export function problemWith(subject, { message }) {
  const named = [`${subject}: `, `${subject} `].find((start) => message.startsWith(start));
  return named === undefined ? message : message.slice(named.length);
}

/**
 * Text that may be a stranger's (labels, metadata, file names) for the terminal: control characters,
 * which could steer it or turn the direction of text, become "?".
 * @param {string} text
 */
export function printable(text) {
  return text.replace(/[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '?');
}

/** @param {unknown} record printed as one line of JSON */
export function printJson(record) {
  process.stdout.write(`${JSON.stringify(record)}\n`);
}

/** Three decimals, half up. @param {number} ms */
export function roundMs(ms) {
  return Math.floor(ms * 1000 + 0.5) / 1000;
}

/** A bar that redraws itself; nothing is drawn unless stderr is a terminal. */
export class Progress {
  #total;
  #start = performance.now();
  #drawn = -Infinity;
  #shown;

  /** @param {number} total @param {boolean} [wanted] */
  constructor(total, wanted = true) {
    this.#total = total;
    this.#shown = wanted && total > 1 && process.stderr.isTTY === true;
  }

  /** @param {number} done */
  update(done) {
    const now = performance.now();
    if (!this.#shown || (now - this.#drawn < REDRAW_MS && done < this.#total)) return;
    this.#drawn = now;
    const filled = Math.floor((done * BAR_WIDTH) / this.#total);
    const left = done > 0 ? ((now - this.#start) / 1000) * ((this.#total - done) / done) : 0;
    const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '.');
    process.stderr.write(`\r[${bar}] ${done}/${this.#total}, ${left.toFixed(0)} s left \x1b[K`);
  }

  /** Removes the bar, before other output or at the end. */
  clear() {
    if (this.#shown) process.stderr.write('\r\x1b[K');
  }
}
