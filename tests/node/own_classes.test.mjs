// SPDX-License-Identifier: MIT
// Classes of one's own: the file, round trips, what is refused, scores against a plain calculation.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OwnClasses, classesText } from '../../web/lib/classes.js';
import { exp32 } from '../../web/lib/own_classes.js';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const MODEL = tinyPath('ternary-6');
const SHA256 = createHash('sha256').update(readFileSync(MODEL)).digest('hex');
const PICTURES = ['baseline_420.jpg', 'grey.jpg', 'rgb_8.png', 'orientation_6.jpg'].map((name) =>
  join(ROOT, 'tests/data/images', name),
);

const vit = await Classifier.load(MODEL, { sha256: SHA256 });
const vectors = await Promise.all(PICTURES.map((picture) => vit.embed(picture)));
const DIM = vectors[0].length;

/** @param {Partial<import('../../web/lib/classes.d.ts').ClassesFile>} [changes] */
const fileOf = (changes) => ({
  model: { name: 'tiny', sha256: SHA256 },
  dim: DIM,
  method: /** @type {const} */ ('centroid'),
  classes: [
    { name: 'a "b" \u00fc', vectors: [vectors[0], vectors[1]] },
    { name: 'empty', vectors: [] },
    { name: 'c', vectors: [vectors[2]], thumbnails: ['AAAA'] },
  ],
  ...changes,
});

test('what is written is read back, float for float, with the shortest numbers', async () => {
  const text = classesText(fileOf({ unlike: 0.25 }));
  assert.match(
    text,
    /^\{"format":"vit158-classes","format_version":2,"model":\{"name":"tiny","sha256":"[0-9a-f]{64}"\},"dim":24,"method":"centroid","unlike":0.25,"classes":\[\n/,
  );
  const numbers = JSON.parse(text).classes[0].vectors[0];
  assert.deepEqual(Float32Array.from(numbers), vectors[0]);
  assert.ok(
    numbers.every((/** @type {number} */ x) => String(x).replace(/[-.]|^0+|e.*/g, '').length <= 10),
    String(numbers),
  );
  assert.equal(
    JSON.parse(
      classesText({ ...fileOf(), dim: 3, classes: [{ name: 'x', vectors: [[0.1, 1e-40, 16777216]] }] }),
    ).classes[0].vectors[0].join(),
    '0.1,1e-40,16777216',
  );
  const own = await OwnClasses.load(Buffer.from(text));
  assert.deepEqual(
    [own.labels(), own.dim, own.model],
    [['a "b" \u00fc', 'empty', 'c'], DIM, { name: 'tiny', sha256: SHA256 }],
  );
});

test('scores are what a plain calculation gives', async () => {
  const unit = (/** @type {Float32Array} */ v) => Array.from(v, (x) => x / Math.hypot(...v));
  const cosine = (/** @type {number[]} */ a, /** @type {number[]} */ b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const units = vectors.map(unit);
  for (const method of /** @type {const} */ (['centroid', 'neighbours'])) {
    const own = new OwnClasses(fileOf({ method }));
    for (const [i, picture] of PICTURES.entries()) {
      const { predictions, unsure, timing } = await own.classify(vit, picture);
      assert.ok(!unsure && timing.total > 0);
      const middle = unit(Float32Array.from(units[0], (x, j) => x + units[1][j]));
      const [a, c] =
        method === 'centroid'
          ? [[cosine(middle, units[i])], [cosine(units[2], units[i])]]
          : [[cosine(units[0], units[i]), cosine(units[1], units[i])], [cosine(units[2], units[i])]];
      const weight = (/** @type {number[]} */ all) => all.reduce((sum, s) => sum + Math.exp(20 * s), 0);
      const expected = { 'a "b" \u00fc': weight(a) / (weight(a) + weight(c)), c: weight(c) / (weight(a) + weight(c)) };
      assert.equal(predictions.length, 2, 'a class without vectors is no answer');
      for (const { label, score, similarity } of predictions) {
        assert.ok(Math.abs(score - expected[/** @type {'c'} */ (label)]) < 1e-5, `${label} ${score}`);
        assert.ok(Math.abs(similarity - Math.max(...(label === 'c' ? c : a))) < 1e-6);
      }
      assert.ok(predictions[0].score >= predictions[1].score);
    }
  }
});

test("e^x is the engine's, in float32", () => {
  for (let x = -90; x <= 0; x += 0.0371) {
    const value = exp32(Math.fround(x));
    assert.equal(value, Math.fround(value));
    assert.ok(x < -87 ? value === 0 : Math.abs(value / Math.exp(Math.fround(x)) - 1) < 2e-7, `${x}`);
  }
});

test('unlike all, topK, threshold', async () => {
  const own = new OwnClasses(fileOf({ unlike: 1 }));
  assert.equal((await own.classify(vit, PICTURES[3])).unsure, true);
  assert.equal(new OwnClasses(fileOf({ unlike: -1 })).match(vectors[3]).unsure, false);
  assert.equal(own.match(vectors[0], { topK: 1 }).predictions.length, 1);
  assert.ok(own.match(vectors[0], { threshold: 0.9 }).predictions.every(({ score }) => score >= 0.9));
});

test('as like as asked for is like enough; five neighbours count', () => {
  const axis = Float32Array.from({ length: DIM }, (_, i) => (i === 0 ? 3 : 0));
  const exact = new OwnClasses(fileOf({ unlike: 1, classes: [{ name: 'x', vectors: [axis] }] }));
  assert.equal(exact.match(axis).unsure, false);
  const turned = (/** @type {number} */ angle) =>
    Float32Array.from({ length: DIM }, (_, i) => (i === 0 ? Math.cos(angle) : i === 1 ? Math.sin(angle) : 0));
  const [a, b] = [
    [0.1, 0.2, 0.3, 0.4],
    [0.15, 0.25, 0.35, 0.45],
  ];
  const own = new OwnClasses(
    fileOf({
      method: 'neighbours',
      classes: [
        { name: 'a', vectors: a.map(turned) },
        { name: 'b', vectors: b.map(turned) },
      ],
    }),
  );
  const weight = (/** @type {number[]} */ angles) =>
    angles.reduce((sum, angle) => sum + Math.exp(20 * (Math.cos(angle) - 1)), 0);
  const [ofA, ofB] = [weight([0.1, 0.2, 0.3]), weight([0.15, 0.25])]; // the nearest five
  const { score, label } = own.match(turned(0)).predictions[0];
  assert.equal(label, 'a');
  assert.ok(Math.abs(score - ofA / (ofA + ofB)) < 1e-6, String(score));
});

test('another model, another width, other options', async () => {
  const other = new OwnClasses(fileOf({ model: { name: 'other', sha256: 'a'.repeat(64) } }));
  await assert.rejects(other.classify(vit, PICTURES[0]), {
    code: 'E_INPUT',
    message: /taught with another model, other of SHA-256 aaaaaaaaaaaa/,
  });
  const own = new OwnClasses(fileOf());
  assert.throws(() => own.match(new Float32Array(3)), { code: 'E_ARGUMENT' });
  assert.throws(() => own.match(new Float32Array(DIM)), { code: 'E_ARGUMENT', message: /no direction/ });
  await assert.rejects(own.classify(vit, PICTURES[0], /** @type {any} */ ({ explain: true })), {
    code: 'E_ARGUMENT',
    message: /no option "explain"/,
  });
});

/** @type {[string, (file: any) => unknown, string, RegExp][]} */
const BAD = [
  ['no file of classes', () => ({ a: 1 }), 'E_FORMAT', /not a classes file/],
  ['version 1', (file) => ({ ...file, format_version: 1 }), 'E_UNSUPPORTED', /version 1 are not read/],
  ['an unknown member', (file) => ({ ...file, extra: 1 }), 'E_VALUE', /unknown member extra/],
  ['no hash', (file) => ({ ...file, model: { name: 'a', sha256: 'x' } }), 'E_VALUE', /model is not/],
  ['dim 0', (file) => ({ ...file, dim: 0 }), 'E_VALUE', /dim is not/],
  ['another dim', (file) => ({ ...file, dim: DIM + 1 }), 'E_VALUE', /a vector has not 25 numbers/],
  ['a method', (file) => ({ ...file, method: 'best' }), 'E_VALUE', /method is not/],
  ['unlike 2', (file) => ({ ...file, unlike: 2 }), 'E_VALUE', /unlike is not/],
  ['no classes', (file) => ({ ...file, classes: [] }), 'E_VALUE', /classes are not 1 to/],
  ['no vectors', (file) => ({ ...file, classes: [{ name: 'a', vectors: [] }] }), 'E_VALUE', /no class has a vector/],
  [
    'a nameless class',
    (file) => ({ ...file, classes: [{ name: '', vectors: file.classes[0].vectors }] }),
    'E_VALUE',
    /has no name/,
  ],
  [
    'a vector of zeros',
    (file) => ({ ...file, classes: [{ name: 'a', vectors: [Array(DIM).fill(0)] }] }),
    'E_VALUE',
    /no direction/,
  ],
  [
    'a number beyond float32',
    (file) => ({ ...file, classes: [{ name: 'a', vectors: [Array(DIM).fill(1e39)] }] }),
    'E_VALUE',
    /no direction/,
  ],
];

for (const [name, change, code, message] of BAD) {
  test(`refused: ${name}`, async () => {
    const text = JSON.stringify(change(JSON.parse(classesText(fileOf()))));
    await assert.rejects(OwnClasses.load(Buffer.from(text)), { name: 'Vit158Error', code, message });
  });
}

test('refused: what is no JSON, cut, not UTF-8', async () => {
  const text = Buffer.from(classesText(fileOf()));
  for (const cut of [1, 50, text.length >> 1, text.length - 3])
    await assert.rejects(OwnClasses.load(text.subarray(0, cut)), { code: 'E_JSON' });
  await assert.rejects(OwnClasses.load(Buffer.from('hello')), { code: 'E_FORMAT' });
  await assert.rejects(OwnClasses.load('/no/such/classes.json'), { code: 'E_IO', message: /there is no such file/ });
});
