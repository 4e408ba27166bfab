// SPDX-License-Identifier: MIT
// What `eval` says of the answers, for people and as JSON. src/cli/eval_report.c says the same.
import { classMembers, classRows, wrongText } from './confusion.mjs';
import { EXIT, printJson, roundMs } from './console.mjs';
import { writeWhole } from './whole_file.mjs';

/** @typedef {import('./eval_part.mjs').Evaluation} Evaluation */
/** @typedef {import('./confusion.mjs').Judged} Judged */
/** @typedef {{judged: Judged[], top1: number, top5: number, failed: number, ms: number[]}} Tally */

/** With fewer classes the five best are nearly all. */
const LEAST_CLASSES_TOP5 = 6;

/**
 * Prints the result and writes the list of wrong images; returns the exit code.
 * @param {Evaluation} evaluation
 * @param {import('./options.mjs').Values} values
 */
export function report(evaluation, values) {
  const tally = count(evaluation);
  const wrong = /** @type {string | undefined} */ (values['--wrong']);
  if (wrong !== undefined) writeWhole(wrong, wrongText(tally.judged, evaluation.labels, wrong));
  if (values['--json']) printRecord(tally, evaluation, values['--confusion'] === true);
  else printText(tally, evaluation, values['--confusion'] === true);
  return tally.failed === 0 && tally.judged.length > 0 ? EXIT.OK : EXIT.FAILED;
}

/** @param {Evaluation} evaluation @returns {Tally} */
function count({ answers, unknown_folders: unknown }) {
  /** @type {Tally} */
  const tally = { judged: [], top1: 0, top5: 0, failed: unknown.length, ms: [] };
  for (const { file, class: truth, error, predicted = 0, score = 0, rank = 0, ms = 0 } of answers) {
    if (error !== undefined) {
      tally.failed++;
      continue;
    }
    tally.judged.push({ path: file, truth, predicted, score });
    tally.ms.push(ms);
    if (rank === 1) tally.top1++;
    if (rank > 0) tally.top5++;
  }
  return tally;
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** @param {Evaluation} evaluation */
const hasTop5 = ({ labels }) => labels.length >= LEAST_CLASSES_TOP5;

/** @param {Tally} tally @param {Evaluation} evaluation @param {boolean} confusion */
function printRecord({ judged, top1, top5, failed, ms }, evaluation, confusion) {
  const images = judged.length;
  printJson({
    images,
    top1: top1 / images, // 0 / 0 is NaN, which prints as null
    ...(hasTop5(evaluation) ? { top5: top5 / images } : {}),
    ms_median: roundMs(median(ms)),
    failed,
    ...(confusion ? { classes: classMembers(judged, evaluation.labels) } : {}),
    model: evaluation.model.name,
    engine: evaluation.engine,
    numerics_version: evaluation.numerics_version,
    memory_bytes: evaluation.memory_bytes,
  });
}

/** @param {Tally} tally @param {Evaluation} evaluation @param {boolean} confusion */
function printText({ judged, top1, top5, failed, ms }, evaluation, confusion) {
  const images = judged.length;
  const share = (/** @type {number} */ part) => `${((100 * part) / images).toFixed(2)} %`;
  process.stdout.write(
    images === 0
      ? '0 images\n'
      : `${images} image${images === 1 ? '' : 's'}, top-1 ${share(top1)}${hasTop5(evaluation) ? `, top-5 ${share(top5)}` : ''}, ` +
          `median ${median(ms).toFixed(2)} ms${failed > 0 ? `, ${failed} failed` : ''}\n`,
  );
  if (confusion) process.stdout.write(classRows(judged, evaluation.labels));
}
