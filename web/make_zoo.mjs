// SPDX-License-Identifier: MIT
// Writes the table of the models that come with the package into README.md: `npm run zoo`. Classes, accuracy and size are
// the manifest's; the time is measured here: processor
// time of one image, the least of some rounds, on one thread of this Node.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Classifier, decodeImage } from './lib/vit158.js';

const WEB = path.dirname(fileURLToPath(import.meta.url));
const MODELS = path.join(WEB, '../models');
export const README = path.join(WEB, 'README.md');
/** The table stands between these. */
export const [BEGIN, END] = ['<!-- zoo: npm run zoo writes this table -->', '<!-- end of the zoo -->'];

/** Processor time is counted in coarse steps, so a round is many of them. */
const [ROUNDS, ROUND_MS] = [10, 400];

/** @typedef {import('./app/models.js').Entry} Entry */

/** @returns {Entry[]} */
export const entries = () => JSON.parse(readFileSync(path.join(MODELS, 'manifest.json'), 'utf8')).models;

/** @param {Entry} entry @returns {string} all of its row but the time */
export const rowOf = ({ name, classes = 0, accuracy, bytes, licence, card }) =>
  `| [\`${name}\`](../models/${card}) | ${classes.toLocaleString('en')} | ${accuracy} | ${bytes.toLocaleString('en')} | ${licence} |`;

/** @param {Entry} entry @returns {Promise<number>} milliseconds of one image, decoded before, whatever else runs */
async function least({ file }) {
  const image = await decodeImage(path.join(MODELS, 'samples/cat.jpg'));
  const vit = await Classifier.load(path.join(MODELS, file), { threads: 1 });
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    let runs = 0;
    for (const start = performance.now(); performance.now() - start < ROUND_MS; runs++)
      await vit.classify(image, { topK: 1 });
    best = Math.min(best, process.cpuUsage(before).user / 1000 / runs);
  }
  vit.dispose();
  return best;
}

async function main() {
  const rows = [];
  for (const entry of entries()) rows.push(`${rowOf(entry)} ${(await least(entry)).toFixed(1)} |`);
  const table = [
    '| model | classes | accuracy | bytes | licence | ms |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    `Processor time of one image, decoded before, the least of ${ROUNDS} rounds, on one thread of Node ${process.versions.node}, ${cpus()[0].model.trim()}.`,
  ].join('\n');
  const text = readFileSync(README, 'utf8');
  const [from, to] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  if (to < from) throw new Error(`${README} has no place for the table`);
  writeFileSync(README, `${text.slice(0, from)}\n${table}\n${text.slice(to)}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
