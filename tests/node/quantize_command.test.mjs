// SPDX-License-Identifier: MIT
// `vit158 quantize` as a command, on a tiny float model and the small samples: every method and kind of
// weights ends in a file that opens and is within its budget, the same each time, whatever the labels;
// mistakes are said in one line, and nothing half-written stays.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Classifier } from '../../web/lib/vit158.js';
import { CLASSES, writeFloatModel } from './float_model.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = join(ROOT, 'build/native/vit158');
const SAMPLES = join(ROOT, 'models/samples');
const FOLDER = mkdtempSync(join(tmpdir(), 'vit158-quantize-'));
after(() => rmSync(FOLDER, { recursive: true }));

/** @param {...string} args */
const run = (...args) => spawnSync(COMMAND, args, { encoding: 'utf8', cwd: FOLDER });

/** @param {string} out @param {...string} options */
function quantize(out, ...options) {
  const result = run('quantize', 'float.safetensors', '--calibrate', 'labels/a', '-o', out, ...options);
  assert.equal(result.status, 0, result.stderr);
  return readFileSync(join(FOLDER, out));
}

before(() => {
  writeFloatModel(join(FOLDER, 'float.safetensors'));
  for (const name of ['labels/a/n01', 'labels/b/n02']) mkdirSync(join(FOLDER, name), { recursive: true });
  for (const file of readdirSync(SAMPLES).filter((name) => name.endsWith('.jpg')))
    for (const name of ['labels/a/n01', 'labels/b/n02']) cpSync(join(SAMPLES, file), join(FOLDER, name, file));
  readdirSync(SAMPLES)
    .filter((name) => name.endsWith('.jpg'))
    .forEach((file, i) => {
      const name = `labels/shuffled/n0${(7 * i) % 5}`;
      mkdirSync(join(FOLDER, name), { recursive: true });
      cpSync(join(SAMPLES, file), join(FOLDER, name, file));
    });
  writeFileSync(join(FOLDER, 'labels/a/notes.txt'), 'no picture');
});

/** Mean difference of the softmax from the float model's, over the samples. @param {string} file */
async function distance(file) {
  const models = await Promise.all(['float.safetensors', file].map((name) => Classifier.load(join(FOLDER, name))));
  let sum = 0;
  for (const sample of readdirSync(SAMPLES).filter((name) => name.endsWith('.jpg'))) {
    const [expected, found] = await Promise.all(
      models.map((model) => model.classify(join(SAMPLES, sample), { topK: CLASSES })),
    );
    for (const { index, score } of expected.predictions)
      sum += Math.abs(score - (found.predictions.find((p) => p.index === index)?.score ?? 0));
  }
  models.forEach((model) => model.dispose());
  return sum;
}

test('what is trained gives a model that opens, the same each time; so does distillation', async () => {
  for (const method of ['rem', 'mrem-s', 'mrem-p'])
    for (const weights of ['rows:1', 'rows:2', 'rows:3', 'int8']) {
      const options = ['--method', method, '--weights', weights, '--updates', '3', '--modules', '2'];
      const bytes = quantize('out.safetensors', ...options);
      assert.ok(bytes.equals(quantize('again.safetensors', ...options, '--threads', '3')), `${method} ${weights}`);
      assert.ok(!bytes.equals(quantize('other.safetensors', '--weights', weights)), `${method} ${weights}`);
      (await Classifier.load(join(FOLDER, 'out.safetensors'))).dispose();
    }
  const plain = quantize('out.safetensors', '--weights', 'rows:1', '--method', 'mse');
  const taught = quantize('taught.safetensors', '--weights', 'rows:1', '--method', 'mse', '--distill', '0.01');
  assert.equal(taught.length, plain.length);
  assert.ok(!taught.equals(plain));
  (await Classifier.load(join(FOLDER, 'taught.safetensors'))).dispose();
  const updates = ['--weights', 'rows:1', '--method', 'mse', '--distill-updates', '5', '--hold-out', '2'];
  const counted = quantize('counted.safetensors', ...updates, '--report', 'counted.json');
  const report = JSON.parse(readFileSync(join(FOLDER, 'counted.json'), 'utf8'));
  assert.equal(report.distillation_updates, 5);
  assert.ok(report.kept_after_updates <= 5);
  assert.ok(counted.equals(quantize('again.safetensors', ...updates, '--threads', '3')));
});

test('every method and kind of weights gives a model that opens', async () => {
  for (const method of ['rtn', 'mse', 'percentile', 'gptq'])
    for (const weights of ['int8', 'rows:1', 'rows:2', 'rows:3', 'rows:4']) {
      quantize('out.safetensors', '--method', method, '--weights', weights);
      const inspected = run('inspect', 'out.safetensors', '--json');
      assert.equal(inspected.status, 0, inspected.stderr);
      const { bytes } = JSON.parse(inspected.stdout);
      assert.equal(bytes.file, bytes.formula, `${method} ${weights}`);
    }
  /** @type {number[]} */
  const distances = [];
  for (const weights of ['rows:1', 'rows:2', 'rows:3', 'int8']) {
    quantize('out.safetensors', '--weights', weights);
    distances.push(await distance('out.safetensors'));
  }
  assert.ok(
    distances.every((d, i) => i === 0 || d < distances[i - 1]),
    String(distances),
  );
});

test('ptq-vit: every width, both kinds of activations, a budget; the same file on any number of threads', async () => {
  for (const bits of [4, 6, 8])
    for (const activations of ['static', 'token']) {
      const options = ['--method', 'ptq-vit', '--weights', `bits:${bits}`, '--activations', activations];
      const bytes = quantize('out.safetensors', ...options, '--report', 'report.json', '--hold-out', '2');
      assert.deepEqual(quantize('again.safetensors', ...options, '--hold-out', '2', '--threads', '1'), bytes);
      const inspected = JSON.parse(run('inspect', 'out.safetensors', '--json').stdout);
      assert.equal(inspected.bytes.file, inspected.bytes.formula);
      const report = JSON.parse(readFileSync(join(FOLDER, 'report.json'), 'utf8'));
      assert.equal(report.products.length, 12);
      for (const product of report.products) {
        assert.ok(product.last.pearson >= 0.8 && product.held_out_last.pearson > 0.5, product.name);
        assert.equal(product.input_bits, bits);
        assert.equal(product.inputs, bits === 8 && !/scores|values/.test(product.name) ? 'stored' : 'simulated');
      }
      assert.ok(report.calibration.pictures > 0 && report.held_out.pictures === 2);
      assert.ok((await distance('out.safetensors')) < 4);
    }
  const least = quantize('out.safetensors', '--method', 'ptq-vit', '--weights', 'bits:4').length;
  const most = quantize('out.safetensors', '--method', 'ptq-vit', '--weights', 'bits:8').length;
  const budget = Math.round((least + most) / 2);
  const mixed = quantize(
    'out.safetensors',
    ...['--method', 'ptq-vit', '--weights', `budget:${budget}`, '--report', 'report.json'],
  );
  assert.ok(mixed.length <= budget && mixed.length > least, `${mixed.length} of ${budget}`);
  const { modules } = JSON.parse(readFileSync(join(FOLDER, 'report.json'), 'utf8'));
  assert.equal(modules.length, 4);
  for (const module of modules) assert.ok(module.bits >= 4 && module.bits <= 8 && module.omega[0] > module.omega[4]);
});

test('static activations store a step for every matrix, by any rule, within a budget too', async () => {
  for (const options of [
    ['--steps', 'minmax', '--weights', 'int8'],
    ['--steps', 'percentile', '--weights', 'rows:2'],
    ['--steps', 'mse', '--weights', 'budget:32000'],
  ]) {
    const bytes = quantize('out.safetensors', '--activations', 'static', ...options, '--report', 'report.json');
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
    assert.equal(Object.keys(header).filter((name) => name.endsWith('.step')).length, 8);
    const report = JSON.parse(readFileSync(join(FOLDER, 'report.json'), 'utf8'));
    assert.match(report.activations, /stored step/);
    for (const layer of report.layers) assert.ok(layer.step > 0, layer.name);
    assert.ok(bytes.length <= 32000 || options[3] !== 'budget:32000', String(bytes.length));
    assert.ok((await distance('out.safetensors')) < 2);
  }
});

test('a budget is kept to the byte, and nearly used up', () => {
  const least = quantize('out.safetensors', '--weights', 'rows:1').length;
  const most = quantize('out.safetensors', '--weights', 'rows:4').length;
  for (let budget = least + 600; budget < most; budget += 1234) {
    const bytes = quantize('out.safetensors', '--weights', `budget:${budget}`);
    assert.ok(bytes.length <= budget, `${bytes.length} > ${budget}`);
    assert.ok(bytes.length > budget - 800, `${bytes.length} of ${budget}`);
  }
  const small = run(
    'quantize',
    'float.safetensors',
    '--calibrate',
    'labels/a',
    '-o',
    'small.safetensors',
    '--weights',
    'budget:1000',
  );
  assert.equal(small.status, 1);
  assert.match(small.stderr, /with one row an output the file has \d+ bytes, above the budget of 1000/);
  assert.ok(!existsSync(join(FOLDER, 'small.safetensors')) && !existsSync(join(FOLDER, 'small.safetensors.tmp')));
});

test('the same command gives the same bytes, on any number of threads, whatever the labels', () => {
  const budget = ['--weights', 'budget:32000'];
  const once = quantize('out.safetensors', ...budget, '--threads', '1');
  assert.deepEqual(quantize('out.safetensors', ...budget, '--threads', '3'), once);
  for (const labels of ['labels/b', 'labels/shuffled']) {
    const other = run('quantize', 'float.safetensors', '--calibrate', labels, '-o', 'out.safetensors', ...budget);
    assert.equal(other.status, 0, other.stderr);
    assert.deepEqual(readFileSync(join(FOLDER, 'out.safetensors')), once, labels);
  }
  assert.notDeepEqual(
    quantize('out.safetensors', ...budget, '--images', '4', '--seed', '1'),
    quantize('out.safetensors', ...budget, '--images', '4', '--seed', '2'),
  );
});

test('a tar archive is as good as the folder', () => {
  const tar = spawnSync('tar', ['-cf', 'pictures.tar', '-C', 'labels', 'a'], { cwd: FOLDER });
  assert.equal(tar.status, 0);
  const result = run('quantize', 'float.safetensors', '--calibrate', 'pictures.tar', '-o', 'tar.safetensors');
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /10 images to calibrate with, 0 held out, 1 other files skipped/);
  assert.deepEqual(readFileSync(join(FOLDER, 'tar.safetensors')), quantize('out.safetensors'));
  writeFileSync(join(FOLDER, 'cut.tar'), readFileSync(join(FOLDER, 'pictures.tar')).subarray(0, 4000));
  const cut = run('quantize', 'float.safetensors', '--calibrate', 'cut.tar', '-o', 'x.safetensors');
  assert.match(cut.stderr, /cut\.tar: the archive ends within the file at byte \d+/);
  const noTar = run('quantize', 'float.safetensors', '--calibrate', 'float.safetensors', '-o', 'x.safetensors');
  assert.match(noTar.stderr, /neither a folder nor a tar archive/);
});

test('the report has every layer, the plot every choice, the metadata what was added', () => {
  writeFileSync(join(FOLDER, 'more.json'), '{"license":"MIT","unsure":"0.25"}');
  quantize(
    'out.safetensors',
    '--weights',
    'budget:32000',
    '--report',
    'report.json',
    '--plot',
    'plot.svg',
    '--hold-out',
    '3',
    '--metadata',
    'more.json',
  );
  const report = JSON.parse(readFileSync(join(FOLDER, 'report.json'), 'utf8'));
  assert.equal(report.calibration.pictures, 7);
  assert.equal(report.held_out.pictures, 3);
  assert.ok(report.held_out.divergence > 0 && report.held_out.agreement <= 1);
  assert.equal(report.layers.length, 8);
  for (const layer of report.layers) {
    assert.equal(
      layer.outputs_by_rows.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b),
      layer.n_out,
    );
    assert.ok(layer.pearson > 0.5 && layer.pearson < 1.0001, layer.name);
    assert.equal(layer.divergence_alone.length, 4);
  }
  assert.equal(readFileSync(join(FOLDER, 'plot.svg'), 'utf8').split('<circle').length - 1, 8);
  const info = run('info', '--model', join(FOLDER, 'out.safetensors'), '--json');
  assert.equal(JSON.parse(info.stdout).metadata.unsure, '0.25');
});

test('mistakes are said in one line', () => {
  const good = ['quantize', 'float.safetensors', '--calibrate', 'labels/a', '-o', 'x.safetensors'];
  for (const [args, status, words] of /** @type {[string[], number, RegExp][]} */ ([
    [good.slice(0, 2), 2, /--calibrate/],
    [good.slice(0, 4), 2, /-o FILE/],
    [[...good, '--weights', 'rows:5'], 2, /rows:1 to rows:4/],
    [[...good, '--weights', 'budget:12k'], 2, /budget:BYTES/],
    [[...good, '--weights', 'bits:4'], 2, /bits:N is for --method ptq-vit/],
    [[...good, '--method', 'ptq-vit', '--weights', 'rows:2'], 2, /ptq-vit takes --weights int8/],
    [[...good, '--steps', 'similarity'], 2, /--steps of ptq-vit/],
    [[...good, '--steps', 'mse'], 2, /--steps is for --activations static/],
    [[...good, '--ranking', 'sum'], 2, /are for --method ptq-vit/],
    [[...good, '--method', 'ptq-vit', '--weights', 'budget:30000', '--input-bits', '8'], 2, /no --input-bits/],
    [[...good, '--updates', '9'], 2, /are for rem and mrem/],
    [[...good, '--method', 'ptq-vit', '--distill', '1'], 2, /--distill is not for ptq-vit/],
    [[...good, '--method', 'ptq-vit', '--distill-updates', '1'], 2, /--distill is not for ptq-vit/],
    [[...good, '--distill', '1', '--distill-updates', '1'], 2, /--distill or --distill-updates, not both/],
    [[...good, '--distill-updates', '1', '--activations', 'static'], 2, /static is not trained with/],
    [[...good, '--method', 'mrem-s', '--activations', 'static'], 2, /static is not trained with/],
    [[...good, '--method', 'ptq-vit', '--steps', 'mse'], 2, /--steps of ptq-vit/],
    [[...good, '--plot', 'x.svg'], 2, /budget:BYTES/],
    [[...good, '--hold-out', '10'], 1, /none are left/],
    [[...good.slice(0, 3), 'nowhere', ...good.slice(4)], 1, /nowhere: there is no such file/],
    [['quantize', 'tar.safetensors', ...good.slice(2)], 1, /is packed already/],
  ])) {
    const result = run(...args);
    assert.equal(result.status, status, result.stderr);
    assert.match(result.stderr, words);
  }
  assert.ok(!existsSync(join(FOLDER, 'x.safetensors')));
});
