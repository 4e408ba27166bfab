// SPDX-License-Identifier: MIT
// The same hash of the logits from native scalar, SIMD128 and AVX2, wasm scalar and wasm simd128, and equal
// records from both commands. tests/node takes a selection, tests/proof everything.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Classifier, decodeImage } from '../../web/lib/vit158.js';
import { writePng } from './png.mjs';
import { ROOT, jsonLines, nativeCommand, npmCommand, readPpm, run, temporaryFolder } from './shared.mjs';

const IMAGES = join(ROOT, 'tests/data/images');
const ENGINES = /** @type {const} */ (['scalar', 'simd128']);
/** Natively also what the processor has besides. */
const NATIVE_ENGINES = /** @type {const} */ ([...ENGINES, 'auto']);

/** @param {RegExp} ending @param {number} every */
const images = (ending, every) =>
  readdirSync(IMAGES)
    .filter((name) => ending.test(name))
    .filter((_, i) => i % every === 0)
    .map((name) => join(IMAGES, name));

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

/** JPEG and PNG of every kind. @param {string} model @param {number} every  of how many images one is taken */
export async function checkFiles(model, every) {
  const files = images(/\.(jpe?g|png)$/, every);
  /** @type {Record<string, string>[]} */
  const results = [];
  for (const engine of NATIVE_ENGINES) {
    const { stdout } = nativeCommand('classify', '--json', '-m', model, '--engine', engine, ...files);
    results.push(Object.fromEntries(jsonLines(stdout).map((record) => [record.file, record.logits_sha256])));
  }
  for (const engine of ENGINES) results.push(await wasmHashes(model, files, engine, (file) => file));
  const { length } = Object.keys(results[0]);
  assert.ok(length >= Math.max(1, Math.floor(40 / every)), `only ${length} pictures were decoded`);
  results.slice(1).forEach((result) => assert.deepEqual(result, results[0]));
}

/** Raw RGB. @param {string} model @param {number} every  of how many images one is taken */
export async function checkPixels(model, every) {
  const files = images(/\.ppm$/, every);
  assert.ok(files.length >= Math.max(1, Math.floor(10 / every)));
  /** @type {Record<string, string>[]} */
  const results = [];
  for (const engine of ENGINES) {
    const { stdout, stderr } = run(join(ROOT, 'build/native/hash_ppm'), [model, engine, ...files]);
    assert.equal(stderr, '');
    const hashes = stdout.trimEnd().split('\n');
    results.push(Object.fromEntries(files.map((file, i) => [file, hashes[i]])));
    results.push(await wasmHashes(model, files, engine, readPpm));
  }
  results.slice(1).forEach((result) => assert.deepEqual(result, results[0]));
}

/**
 * Photos as JPEG, as PNG and as raw RGB, spread over a folder.
 * @param {string} model
 * @param {string} photos  a folder
 * @param {number} count   of photos
 */
export async function checkPhotos(model, photos, count) {
  const folder = temporaryFolder();
  const names = readdirSync(photos, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.jpg'))
    .sort();
  const jpegs = Array.from({ length: count }, (_, i) => join(photos, names[Math.floor((i * names.length) / count)]));
  const raw = await Promise.all(jpegs.map((file) => decodeImage(file)));
  const pngs = raw.map(({ data, width, height }, i) => {
    const file = join(folder, `${i}.png`);
    writeFileSync(file, writePng({ data: Uint8Array.from(data), width, height }));
    return file;
  });
  /** Distinct hashes of each photo. */
  const hashes = jpegs.map(() => /** @type {Set<string>} */ (new Set()));
  for (const engine of NATIVE_ENGINES) {
    const native = nativeCommand('classify', '--json', '--engine', engine, '--model', model, ...jpegs, ...pngs);
    assert.equal(native.code, 0, native.stderr);
    jsonLines(native.stdout).forEach(({ logits_sha256: hash }, i) => hashes[i % count].add(hash));
  }
  for (const engine of ENGINES) {
    const vit = await Classifier.load(model, { engine });
    for (let i = 0; i < count; i++)
      for (const picture of [jpegs[i], pngs[i], raw[i]]) hashes[i].add((await vit.classify(picture)).logitsSha256);
    vit.dispose();
  }
  hashes.forEach((set, i) => assert.equal(set.size, 1, jpegs[i]));
  assert.equal(new Set(hashes.flatMap((set) => [...set])).size, count, 'the photos differ');
}

/**
 * Without what may differ: times, memory (pointers have another size in wasm), and which SIMD instructions ran.
 * @param {any} record
 */
export function comparable(record) {
  const { timing, ms_median: median, memory_bytes: memory, weight_bytes: weights, ...rest } = record;
  if (rest.engine === 'avx2') rest.engine = 'simd128';
  return { ...rest, timing: timing && Object.keys(timing) };
}

/**
 * Equal records of `classify` from both commands, for every engine and kernel.
 * @param {string} model
 * @param {string[]} files
 */
export function checkRecords(model, files) {
  /** @type {Map<string, string>} */
  const hashes = new Map();
  for (const engine of ENGINES) {
    for (const gemm of ['auto', 'dot', 'table']) {
      const options = ['--model', model, '--engine', engine, '--gemm', gemm, '--top-k', '3'];
      const args = ['classify', '--json', '--logits', ...options, ...files];
      const native = nativeCommand(...args);
      const npm = npmCommand(...args);
      assert.equal(native.code, 0, native.stderr);
      assert.equal(npm.code, 0, npm.stderr);
      const [a, b] = [jsonLines(native.stdout), jsonLines(npm.stdout)];
      assert.equal(a.length, files.length);
      assert.deepEqual(
        a.map((record) => Object.keys(record)),
        b.map((record) => Object.keys(record)),
      );
      assert.deepEqual(a.map(comparable), b.map(comparable));
      for (const record of a) {
        assert.equal(record.engine, engine);
        assert.equal(record.logits_sha256, hashes.get(record.file) ?? record.logits_sha256);
        hashes.set(record.file, record.logits_sha256);
      }
    }
  }
  assert.equal(new Set(hashes.values()).size, files.length, 'each picture has logits of its own');
}

/** Images of every kind for both commands. */
export const KINDS = [
  'baseline_420.jpg',
  'progressive.jpg',
  'grey.jpg',
  'orientation_6.jpg',
  'low_quality.jpg',
  'rgb_8.png',
  'indexed_4.png',
  'grey_alpha_8.png',
  'many_idats.png',
].map((name) => join(IMAGES, name));
