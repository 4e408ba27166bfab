// SPDX-License-Identifier: MIT
// The same logits everywhere: every image in tests/data/images (JPEG, PNG, raw RGB) through a small
// ternary model and a float one, and some of them through the default model, which the scalar engine takes long for; native scalar, native SIMD, wasm scalar and wasm SIMD128 give the
// same hash. The commands' own test covers the kernels and the sample images.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT } from '../setup.mjs';

const IMAGES = join(ROOT, 'tests/data/images');
const DEFAULT = JSON.parse(readFileSync(join(ROOT, 'models/manifest.json'), 'utf8')).default;
/** Models, and of how many images one is taken. @type {[string, number][]} */
const MODELS = [
  [join(ROOT, 'models/vit158-cifar10.safetensors'), 1],
  [join(ROOT, 'tests/data/tiny/float-6.safetensors'), 1],
  [join(ROOT, 'models', `${DEFAULT}.safetensors`), 8],
];
const ENGINES = /** @type {const} */ (['scalar', 'simd128']);

/** @param {RegExp} ending @param {number} every */
const images = (ending, every) =>
  readdirSync(IMAGES)
    .filter((name) => ending.test(name))
    .filter((_, i) => i % every === 0)
    .map((name) => join(IMAGES, name));

/** @param {string} command @param {string[]} args */
function native(command, args) {
  return spawnSync(join(ROOT, 'build/native', command), args, { encoding: 'utf8', maxBuffer: 1 << 26 });
}

/** Binary PPM. @param {string} path */
function readPpm(path) {
  const bytes = readFileSync(path);
  const match = bytes
    .subarray(0, 40)
    .toString('latin1')
    .match(/^P6\s+(\d+)\s+(\d+)\s+255\s/);
  assert.ok(match, path);
  const [width, height] = [Number(match[1]), Number(match[2])];
  return { data: new Uint8Array(bytes.subarray(match[0].length)), width, height };
}

/**
 * Hash by file; a file that cannot be decoded has none.
 * @param {string} model @param {string[]} files @param {typeof ENGINES[number]} engine
 * @param {(file: string) => any} read
 */
async function wasmHashes(model, files, engine, read) {
  const vit = await Classifier.load(model, { engine });
  /** @type {Record<string, string>} */
  const hashes = {};
  for (const file of files) {
    try {
      hashes[file] = (await vit.classify(read(file))).logitsSha256;
    } catch (error) {
      assert.equal(/** @type {Error} */ (error).name, 'Vit158Error');
    }
  }
  vit.dispose();
  return hashes;
}

for (const [model, every] of MODELS) {
  test(`JPEG and PNG: ${model.slice(ROOT.length)}`, async () => {
    const files = images(/\.(jpe?g|png)$/, every);
    /** @type {Record<string, string>[]} */
    const results = [];
    for (const engine of ENGINES) {
      const { stdout } = native('vit158', ['classify', '--json', '-m', model, '--engine', engine, ...files]);
      results.push(
        Object.fromEntries(
          stdout
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line))
            .map((record) => [record.file, record.logits_sha256]),
        ),
      );
      results.push(await wasmHashes(model, files, engine, (file) => file));
    }
    assert.ok(
      Object.keys(results[0]).length >= 40 / every,
      `only ${Object.keys(results[0]).length} pictures were decoded`,
    );
    results.slice(1).forEach((result) => assert.deepEqual(result, results[0]));
  });

  test(`raw RGB: ${model.slice(ROOT.length)}`, async () => {
    const files = images(/\.ppm$/, every);
    assert.ok(files.length >= 10 / every);
    /** @type {Record<string, string>[]} */
    const results = [];
    for (const engine of ENGINES) {
      const { stdout, stderr } = native('hash_ppm', [model, engine, ...files]);
      assert.equal(stderr, '');
      const hashes = stdout.trimEnd().split('\n');
      results.push(Object.fromEntries(files.map((file, i) => [file, hashes[i]])));
      results.push(await wasmHashes(model, files, engine, readPpm));
    }
    results.slice(1).forEach((result) => assert.deepEqual(result, results[0]));
  });
}
