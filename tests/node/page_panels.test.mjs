// SPDX-License-Identifier: MIT
// What the page's panels compute, without a page: batches, own classes, attention maps, weights.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { openAsBlob, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mapOf, ROLLOUT } from '../../web/app/attention_maps.js';
import { classifyAll, newRow, toCsv } from '../../web/app/batch.js';
import { classesFile, leaveOneOut, taughtOf } from '../../web/app/teach.js';
import { classesText, OwnClasses } from '../../web/lib/classes.js';
import { readClasses } from '../../web/lib/classes_file.js';
import { Classifier } from '../../web/lib/vit158.js';
import { half, listTensors, spread, spreadOf } from '../../web/app/tensors.js';
import { drawMatrix, listMatrices } from '../../web/app/weights.js';

const ROOT = new URL('../../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('models/manifest.json', ROOT), 'utf8'));
const MODEL = fileURLToPath(new URL(`models/${manifest.default}.safetensors`, ROOT));

/** @param {number} count @returns {File[]} */
const someFiles = (count) => Array.from({ length: count }, (_, i) => new File(['x'], `${i}.jpg`));

/** @param {File} file @returns {any} */
const resultOf = ({ name }) => ({
  predictions: [{ label: `label, "${name}"`, index: 3, score: 0.5 }],
  unsure: true,
  timing: { total: 1.5 },
  logitsSha256: 'ab',
});

test('a batch runs so many at once, every file once, failures beside the rest', async () => {
  const files = someFiles(23);
  const rows = files.map(newRow);
  let running = 0;
  let most = 0;
  /** @type {number[]} */
  const told = [];
  await classifyAll(
    files,
    rows,
    async (file) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      if (file.name === '7.jpg') throw Object.assign(new Error('bad'), { code: 'E_IMAGE' });
      return resultOf(file);
    },
    { atOnce: 4, signal: new AbortController().signal, onRow: (index) => told.push(index) },
  );
  assert.equal(most, 4);
  assert.deepEqual(
    told.toSorted((a, b) => a - b),
    files.map((_, i) => i),
  );
  assert.deepEqual(
    rows.map(({ state }) => state),
    files.map((_, i) => (i === 7 ? 'failed' : 'done')),
  );
  assert.equal(rows[7].error, 'E_IMAGE: bad');
  assert.equal(toCsv(rows.slice(2, 3)).split('\r\n')[1], '2.jpg,"label, ""2.jpg""",3,0.5,true,1.5,ab,');
});

test('no text of a CSV file is a formula to a spreadsheet, and numbers stay numbers', () => {
  /** @param {string} name @param {Partial<import('../../web/app/batch.js').Row>} more */
  const line = (name, more) =>
    toCsv([{ ...newRow(new File([], name)), ...more }])
      .split('\r\n')
      .slice(1)
      .join('\r\n');
  const done = /** @type {const} */ ({ state: 'done', index: 0, score: 1e-9, ms: -0.5 });
  assert.equal(line('=1+1.jpg', { ...done, label: '@SUM(A1)' }), "'=1+1.jpg,'@SUM(A1),0,1e-9,false,-0.5,,\r\n");
  assert.equal(line('+1', { ...done, label: '-2,"x' }), `'+1,"'-2,""x",0,1e-9,false,-0.5,,\r\n`);
  assert.equal(line('\t=1', { state: 'failed', error: '\r=1' }), `'\t=1,,,,,,,"'\r=1"\r\n`);
  assert.equal(line('a=1-2.jpg', { ...done, label: "'=1" }), "a=1-2.jpg,'=1,0,1e-9,false,-0.5,,\r\n");
});

test('a batch that is aborted starts no more files and leaves the rest waiting', async () => {
  const files = someFiles(50);
  const rows = files.map(newRow);
  const abort = new AbortController();
  await classifyAll(files, rows, async (file) => resultOf(file), {
    atOnce: 2,
    signal: abort.signal,
    onRow: (index) => index === 9 && abort.abort(),
  });
  const waiting = rows.filter(({ state }) => state === 'waiting').length;
  assert.ok(waiting >= 38 && waiting <= 40, String(waiting));
  assert.equal(toCsv(rows).trimEnd().split('\r\n').length, 1 + 50 - waiting);
});

/** @param {number[][]} vectors */
const examples = (...vectors) =>
  vectors.map((vector) => ({ vector: Float32Array.from(vector), thumbnail: btoa('jpeg') }));

test('own classes become the file of the library, and come back from it', async () => {
  /** @type {import('../../web/app/teach.js').Taught} */
  const taught = {
    method: 'neighbours',
    unlike: 0.25,
    classes: [
      { name: 'Häuser "A"', examples: examples([1, 2, 3], [0.1, 1 / 3, -7]) },
      { name: 'empty', examples: [] },
    ],
  };
  const model = { name: 'some', sha256: 'ab'.repeat(32) };
  const text = classesText(classesFile(taught, model));
  assert.deepEqual(taughtOf(await readClasses(new TextEncoder().encode(text))), taught);
  assert.equal('unlike' in classesFile({ ...taught, unlike: -1 }, model), false);
  assert.deepEqual((await OwnClasses.load(new TextEncoder().encode(text))).labels(), ['Häuser "A"', 'empty']);
});

test('each picture is compared with the others, itself left out', async () => {
  /** @type {import('../../web/app/teach.js').Taught} */
  const taught = {
    method: 'centroid',
    unlike: -1,
    classes: [
      { name: 'right', examples: examples([10, 0, 0], [9, 1, 0], [0, 1, 0.1]) }, // the last is like up
      { name: 'up', examples: examples([0, 1, 0], [0, 3, 0.2]) },
      { name: 'single', examples: examples([0, 0, 1]) }, // without it there is no such class
    ],
  };
  let pauses = 0;
  const control = { pause: async () => pauses++, isCurrent: () => true };
  assert.deepEqual(await leaveOneOut(taught, control), {
    right: 4,
    total: 5,
    counts: [
      [2, 1, 0],
      [0, 2, 0],
      [0, 0, 0],
    ],
  });
  assert.equal(pauses, 5);
  assert.equal(await leaveOneOut(taught, { ...control, isCurrent: () => false }), null);
});

test('attention maps: the rollout, or a head without the class token, spread over 0 to 1', () => {
  const attention = {
    depth: 2,
    heads: 2,
    tokens: 5,
    prefixTokens: 1,
    side: 2,
    values: Float32Array.from({ length: 20 }, (_, i) => (i * 7) % 11),
    rollout: Float32Array.of(2, 4, 6, 4),
  };
  assert.deepEqual([...mapOf(attention, 0, ROLLOUT)], [0, 0.5, 1, 0.5]);
  // Block 1, head 0: values 10 to 14 are 4 0 7 3 10, of which 4 is the class token's own.
  const map = mapOf(attention, 1, 0);
  assert.deepEqual(
    [...map].map((value) => Math.round(value * 10)),
    [0, 7, 3, 10],
  );
  assert.deepEqual([...mapOf({ ...attention, rollout: new Float32Array(4) }, 0, ROLLOUT)], [1, 1, 1, 1]);
});

test('the weights of the shipped model are counted as inspect counts them', async () => {
  const command = fileURLToPath(new URL('web/cli.mjs', ROOT));
  const run = spawnSync(process.execPath, [command, 'inspect', '--json', MODEL], { encoding: 'utf8' });
  /** @type {{name: string, n_out: number, n_in: number, rows?: number, zeros: number}[]} */
  const expected = JSON.parse(run.stdout).matrices;
  assert.equal(expected.length, 48);
  const found = await listMatrices(await inspected(MODEL), await openAsBlob(MODEL));
  assert.deepEqual(
    found.map(({ name, rows, nOut, nIn, counts }) => ({ name, rows, nOut, nIn, zeros: counts[1] / (rows * nIn) })),
    expected.map(({ name, n_out: nOut, n_in: nIn, rows = nOut, zeros }) => ({ name, rows, nOut, nIn, zeros })),
  );
  assert.ok(
    found.every(({ rows, nOut }) => rows > nOut && rows <= 4 * nOut),
    'its outputs are sums of rows',
  );
  for (const { rows, nIn, counts } of found)
    assert.equal(
      counts.reduce((sum, n) => sum + n, 0),
      rows * nIn,
    );
});

/** What the engine tells of a model. @param {string | URL} model */
async function inspected(model) {
  const vit = await Classifier.load(model);
  const inspection = await vit.inspect();
  vit.dispose();
  return inspection;
}

/** A file with one matrix, laid out as src/model/FORMAT.md says, and its facts. @param {number[][]} rows of weights */
function fileOf(rows) {
  const [nOut, nIn] = [rows.length, rows[0].length];
  const groups = Math.ceil(nIn / 5);
  const codes = [];
  for (let first = 0; first < groups; first += 4)
    for (let o = 0; o < nOut; o++)
      for (let g = first; g < Math.min(groups, first + 4); g++)
        codes.push([0, 1, 2, 3, 4].reduce((sum, i) => sum + ((rows[o][5 * g + i] ?? 0) + 1) * 3 ** i, 0));
  const name = 'blocks.0.attn.qkv.weight';
  const inspection = /** @type {import('../../web/lib/vit158.js').Inspection} */ (
    /** @type {unknown} */ ({
      bytes: { header: 10 },
      matrices: [{ name, type: 'trit', n_in: nIn, n_out: nOut, bytes: codes.length }],
      tensors: [
        { name: 'before', type: 'F32', shape: [1], bytes: 4 },
        { name, type: 'U8', shape: [codes.length], bytes: codes.length },
      ],
    })
  );
  return { name, inspection, file: new Blob([new Uint8Array(14), Uint8Array.from(codes)]) };
}

test('a matrix is drawn weight by weight, padding left out', async () => {
  const rows = Array.from({ length: 3 }, (_, o) =>
    Array.from({ length: 22 }, (_unused, i) => ((o * 31 + i * i * 5) % 3) - 1),
  );
  const { name, inspection, file } = fileOf(rows);
  const { data, width, height } = await drawMatrix(inspection, file, name);
  assert.deepEqual([width, height], [22, 3]);
  const shades = new Map([
    [-1, 0x1a],
    [0, 0x8c],
    [1, 0xff],
  ]);
  rows
    .flat()
    .forEach((weight, i) =>
      assert.deepEqual([...data.subarray(4 * i, 4 * i + 4)], [...Array(3).fill(shades.get(weight)), 255]),
    );
  const [{ counts }] = await listMatrices(inspection, file);
  assert.deepEqual(
    counts,
    [-1, 0, 1].map((w) => rows.flat().filter((one) => one === w).length),
  );
  await assert.rejects(drawMatrix(inspection, file, 'other'), /no ternary matrix other/);
  await assert.rejects(listMatrices(inspection, file.slice(0, file.size - 1)), /ends before byte/);
});

test('all tensors of the shipped model are listed, and their bytes add up to its file', async () => {
  const blob = await openAsBlob(MODEL);
  const inspection = await inspected(MODEL);
  const tensors = listTensors(inspection);
  const header = 8 + Number(readFileSync(MODEL).readBigUInt64LE());
  assert.equal(header + tensors.reduce((sum, { bytes }) => sum + bytes, 0), blob.size);
  assert.ok(tensors.some(({ type }) => type === 'trit') && tensors.some(({ type }) => type !== 'trit'));
  const norm = tensors.find(({ name }) => name === 'norm.weight');
  assert.deepEqual(norm?.shape, [Number(norm?.shape[0])]);
  const { count, low, high, mean, bins } = await spreadOf(inspection, blob, 'norm.weight');
  assert.equal(count, norm?.shape[0]);
  assert.ok(low <= mean && mean <= high);
  assert.equal(
    bins.reduce((sum, n) => sum + n, 0),
    count,
  );
  await assert.rejects(spreadOf(inspection, blob, 'nothing'), /nothing has no numbers/);
});

test('the spread of values, and halves as floats', () => {
  const found = spread(Float32Array.of(-1, 0, 0, 1));
  assert.deepEqual([found.count, found.low, found.high, found.mean, found.zeros], [4, -1, 1, 0, 0.5]);
  assert.deepEqual([found.bins[0], found.bins[20], found.bins[40]], [1, 2, 1]);
  assert.deepEqual([0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00].map(half), [1, -2, 2 ** -24, 65504, -0, Infinity]);
  assert.ok(Number.isNaN(half(0x7e00)));
});
