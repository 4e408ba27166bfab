// SPDX-License-Identifier: MIT
// What `eval` says of each class: how many of its images were right, and what the others were taken for;
// and the list of wrong images. src/cli/confusion.c writes the same.
import { printable } from './console.mjs';

/** @typedef {{path: string, truth: number, predicted: number, score: number}} Judged */

/** So many wrong classes are shown in a line; the JSON has all. */
const MOST_SHOWN = 3;

/** @param {number} index @param {string[]} labels */
const nameOf = (index, labels) => labels[index] || `class ${index}`;

/**
 * Classes that images are of, in class order; what they were taken for, most often first.
 * @param {Judged[]} judged
 */
function byClass(judged) {
  /** @type {Map<number, {images: number, correct: number, wrong: Map<number, number>}>} */
  const classes = new Map();
  for (const { truth, predicted } of judged) {
    const one = classes.get(truth) ?? { images: 0, correct: 0, wrong: new Map() };
    classes.set(truth, one);
    one.images++;
    if (predicted === truth) one.correct++;
    else one.wrong.set(predicted, (one.wrong.get(predicted) ?? 0) + 1);
  }
  return [...classes]
    .sort(([a], [b]) => a - b)
    .map(([index, { images, correct, wrong }]) => ({
      index,
      images,
      correct,
      wrong: [...wrong].sort(([a, m], [b, n]) => n - m || a - b),
    }));
}

/** For JSON. @param {Judged[]} judged @param {string[]} labels */
export function classMembers(judged, labels) {
  return byClass(judged).map(({ index, images, correct, wrong }) => ({
    label: labels[index],
    index,
    images,
    top1: correct / images,
    taken_for: wrong.map(([other, count]) => ({ label: labels[other], index: other, images: count })),
  }));
}

/** Lines for people. @param {Judged[]} judged @param {string[]} labels */
export function classRows(judged, labels) {
  return byClass(judged)
    .map(({ index, images, correct, wrong }) => {
      const others = wrong.slice(0, MOST_SHOWN).map(([other, count]) => `${printable(nameOf(other, labels))} ${count}`);
      const more = wrong.length > MOST_SHOWN ? ', ...' : '';
      return (
        `  ${((100 * correct) / images).toFixed(2).padStart(6)} % of ${images}  ${printable(nameOf(index, labels))}` +
        `${others.length > 0 ? `  (taken for ${others.join(', ')}${more})` : ''}\n`
      );
    })
    .join('');
}

/**
 * The wrong images in their order.
 * @param {Judged[]} judged
 * @param {string[]} labels
 * @param {string} path whose ending says in which form
 */
export function wrongText(judged, labels, path) {
  const wrong = judged
    .filter(({ truth, predicted }) => truth !== predicted)
    .map(({ path: file, truth, predicted, score }) => ({
      file,
      class: nameOf(truth, labels),
      predicted: nameOf(predicted, labels),
      score,
    }));
  if (path.endsWith('.json')) return `[${wrong.map((one) => `\n${JSON.stringify(one)}`).join(',')}\n]\n`;
  const rows = wrong.map((one) => Object.values(one).map(csv).join(','));
  return `${['file,class,predicted,score', ...rows].join('\n')}\n`;
}

/** A field as RFC 4180 has it. @param {string | number} value */
function csv(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
