// SPDX-License-Identifier: MIT
// What smaller weights cost: one network in several files, from float down, on the same labelled
// pictures and in the same process. Prints a table in Markdown; --json and --svg keep it.
//
//   npm run ladder -- --images FOLDER float=vit.safetensors int8=int8.safetensors "2 rows=two.safetensors" ...
//
// --limit N judges N pictures, spread evenly; --answers FOLDER keeps all logits there, and takes what is
// there already. The first file is what the others are compared with. FOLDER has a folder for each class, named by
// wnid or label. Answers come from the native command, times are processor time of WebAssembly in Node,
// one thread, the files in turns, so that what else runs hardly counts and meets them alike.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Classifier } from '../../web/lib/vit158.js';
import { divergence, drawLadder, markdownTable, standardError } from './ladder_table.mjs';
import { median, round3, seededTensor } from './timing.mjs';

const COMMAND = join(fileURLToPath(new URL('../..', import.meta.url)), 'build/native/vit158');

/** @typedef {{name: string, path: string}} Rung */
/** @typedef {import('./ladder_table.mjs').Row} Row */
/** Logits of all pictures, in the list's order. @typedef {Float32Array[]} Answers */

/** @param {string} folder */
function listImages(folder) {
  return readdirSync(folder)
    .sort()
    .filter((name) => statSync(join(folder, name)).isDirectory())
    .flatMap((name) =>
      readdirSync(join(folder, name))
        .filter((file) => /\.(jpe?g|png)$/i.test(file))
        .sort()
        .map((file) => join(folder, name, file)),
    );
}

/** @param {string} path @param {string[]} images @returns {Answers} */
function answer(path, images) {
  const result = spawnSync(
    COMMAND,
    ['classify', '--model', path, '-k', '1', '--logits', '--json', '--files-from', '-'],
    { input: images.join('\n'), encoding: 'utf8', maxBuffer: 2 ** 30 },
  );
  if (result.status !== 0) throw new Error(`${path}: ${result.stderr}`);
  return result.stdout
    .trim()
    .split('\n')
    .map((line) => Float32Array.from(JSON.parse(line).logits));
}

/**
 * The same, kept in a folder and taken from there if the file and the pictures' names are the same.
 * @param {string} path @param {string[]} images @param {string | undefined} folder @param {number} classes
 */
function answerOnce(path, images, folder, classes) {
  if (folder === undefined) return answer(path, images);
  const hash = createHash('sha256').update(readFileSync(path)).update(images.join('\n')).digest('hex');
  const kept = join(folder, `${hash.slice(0, 32)}.f32`);
  if (!existsSync(kept)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(kept, Buffer.concat(answer(path, images).map((logits) => Buffer.from(logits.buffer))));
  }
  const { buffer } = Uint8Array.from(readFileSync(kept));
  return images.map((_, i) => new Float32Array(buffer, 4 * classes * i, classes));
}

/** Indices of the k largest. @param {Float32Array} logits @param {number} k */
function best(logits, k) {
  return [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b).slice(0, k);
}

/** The class index of each picture's folder. @param {string[]} images @param {Record<string, string>} metadata */
function rightAnswers(images, metadata) {
  const lists = ['wnids', 'labels'].map((key) => {
    const text = metadata[key];
    return text === undefined ? [] : text.startsWith('[') ? JSON.parse(text) : text.split(',');
  });
  return images.map((file) => {
    const name = basename(dirname(file));
    const index = lists.map((list) => list.indexOf(name)).find((i) => i >= 0);
    if (index === undefined) throw new Error(`${file}: no class is called ${name}`);
    return index;
  });
}

/** Milliseconds of processor time of each model, in turns. @param {Classifier[]} models @param {number} rounds */
async function timeInTurns(models, rounds) {
  const { channels, imageSize } = models[0].info().model;
  const input = seededTensor(channels * imageSize ** 2);
  /** @type {number[][]} */
  const times = models.map(() => []);
  for (let round = -2; round < rounds; round++)
    for (const [i, model] of models.entries()) {
      const before = process.cpuUsage();
      await model.forward(input);
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) times[i].push((user + system) / 1000);
    }
  return times.map((list) => round3(median(list)));
}

/** Products of one picture. @param {import('../../web/lib/vit158.d.ts').ModelInfo} m */
function products(m) {
  const { tokens: n, dim: d, mlpDim: f } = m;
  const blocks = m.depth * (n * (4 * d * d + 2 * d * f) + 2 * n * n * d);
  return blocks + (n - 1) * m.channels * m.patchSize ** 2 * d + d * m.classes;
}

/** @param {Rung} rung @param {Answers} answers @param {Answers} expected @param {number[]} right */
function judge(rung, answers, expected, right) {
  const n = right.length;
  const hit = (/** @type {Answers} */ list, /** @type {number} */ k) =>
    list.map((logits, i) => best(logits, k).includes(right[i]));
  const count = (/** @type {boolean[]} */ list) => list.filter(Boolean).length / n;
  const [top1, reference] = [hit(answers, 1), hit(expected, 1)];
  return {
    name: rung.name,
    images: n,
    top1: count(top1),
    top1_error: standardError(count(top1), n),
    top1_paired_error: Math.sqrt(top1.filter((ok, i) => ok !== reference[i]).length) / n,
    top5: count(hit(answers, 5)),
    agreement: count(answers.map((logits, i) => best(logits, 1)[0] === best(expected[i], 1)[0])),
    divergence: answers.reduce((sum, logits, i) => sum + divergence(expected[i], logits), 0) / n,
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    limit: { type: 'string', default: '0' },
    answers: { type: 'string' },
    json: { type: 'string' },
    svg: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help || values.images === undefined || positionals.length < 2) {
  const text = readFileSync(fileURLToPath(import.meta.url), 'utf8')
    .split('\n')
    .slice(1, 13);
  console.error(text.map((line) => line.replace(/^\/\/ ?/, '')).join('\n'));
  process.exit(values.help ? 0 : 2);
}
if (!existsSync(COMMAND)) throw new Error('the native command is missing: npm run build:native');
const rungs = positionals.map((text) => {
  const at = text.indexOf('=');
  return { name: at < 0 ? basename(text, '.safetensors') : text.slice(0, at), path: text.slice(at + 1) };
});
const all = listImages(values.images);
const limit = Math.min(Number(values.limit) || all.length, all.length);
const images = Array.from({ length: limit }, (_, i) => all[Math.floor((i * all.length) / limit)]);
const models = [];
for (const rung of rungs) models.push(await Classifier.load(rung.path, { threads: 1 }));
const times = await timeInTurns(models, Number(values.rounds));
const right = rightAnswers(images, models[0].info().metadata);
/** @type {Answers | undefined} */
let expected;
/** @type {Row[]} */
const rows = [];
for (const [i, rung] of rungs.entries()) {
  const info = models[i].info();
  const answers = answerOnce(rung.path, images, values.answers, info.model.classes);
  expected ??= answers;
  rows.push({
    ...judge(rung, answers, expected, right),
    file_bytes: info.model.fileBytes,
    wasm_bytes: info.memoryBytes,
    ms: times[i],
    gmacs: products(info.model) / times[i] / 1e6,
  });
  process.stderr.write(`${rung.name}: ${(100 * rows[i].top1).toFixed(1)} %\n`);
}
models.forEach((model) => model.dispose());
console.log(markdownTable(rows));
if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 1)}\n`);
if (values.svg) writeFileSync(values.svg, drawLadder(rows));
