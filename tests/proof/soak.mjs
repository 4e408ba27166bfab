// SPDX-License-Identifier: MIT
// Long use: `node tests/proof/soak.mjs [--classifications N] [--loads N] [--aborts N] [FOLDER OF IMAGES]`.
// Classifies mixed images over and over, loads and disposes, and ends calls of a pool of workers at
// random moments; every answer must have the hash that its image had first, and memory must stay flat.
// tests/node/soak.test.mjs runs a short version.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT } from '../setup.mjs';

const MODEL = join(ROOT, 'models/vit158-cifar10.safetensors');

/** Growth of the process between warming up and the end that is still noise. */
const MOST_GROWTH_BYTES = 48 << 20;

/** @param {string} folder @returns {string[]} JPEG and PNG files */
export const imagesIn = (folder) =>
  readdirSync(folder)
    .filter((name) => /\.(jpe?g|png)$/i.test(name))
    .sort()
    .map((name) => join(folder, name));

/** After what can be collected is collected. */
function residentBytes() {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

/**
 * @typedef {object} Result
 * @property {number} done
 * @property {number} growthBytes of the process, from the end of warming up
 */

/**
 * Runs `once` so often; fails if memory grows.
 * @param {number} count
 * @param {(i: number) => Promise<void>} once
 * @param {number} [settled] so many rounds are warming up
 * @returns {Promise<Result>}
 */
async function flat(count, once, settled = Math.ceil(count / 4)) {
  let before = residentBytes();
  for (let i = 0; i < count; i++) {
    await once(i);
    if (i + 1 === settled) before = residentBytes();
  }
  const growthBytes = residentBytes() - before;
  if (growthBytes > MOST_GROWTH_BYTES) throw new Error(`memory grew by ${growthBytes} bytes in ${count} rounds`);
  return { done: count, growthBytes };
}

/** @param {string[]} images @returns {Promise<Map<string, string>>} hash of each image's logits */
async function hashesOf(images) {
  const vit = await Classifier.load(MODEL, { threads: 1 });
  const hashes = new Map();
  for (const image of images) hashes.set(image, (await vit.classify(image)).logitsSha256);
  vit.dispose();
  return hashes;
}

/** @param {string} found @param {string | undefined} expected @param {string} image */
function same(found, expected, image) {
  if (found !== expected) throw new Error(`${image}: ${found}, not ${expected}`);
}

/** One classifier, image after image. @param {string[]} images @param {number} count */
export async function soakClassify(images, count) {
  const hashes = await hashesOf(images);
  const vit = await Classifier.load(MODEL);
  await vit.classify(images[0]);
  const { memoryBytes } = vit.info();
  const result = await flat(count, async (i) => {
    const image = images[i % images.length];
    same((await vit.classify(image)).logitsSha256, hashes.get(image), image);
  });
  if (vit.info().memoryBytes !== memoryBytes) throw new Error("the engine's memory has grown");
  vit.dispose();
  return result;
}

/** Loading and disposing. @param {string[]} images @param {number} count */
export async function soakLoad(images, count) {
  const hashes = await hashesOf([images[0]]);
  return flat(count, async () => {
    const vit = await Classifier.load(MODEL, { threads: 1 });
    same((await vit.classify(images[0])).logitsSha256, hashes.get(images[0]), images[0]);
    vit.dispose();
  });
}

/**
 * A pool whose calls are ended at random moments, by a signal or a deadline, and which is now and then
 * disposed of in the middle of them.
 * @param {string[]} images
 * @param {number} count
 */
export async function soakAborts(images, count) {
  const hashes = await hashesOf(images);
  let pool = await Classifier.load(MODEL, { worker: 2 });
  let answered = 0;
  // Workers are made anew all the time, and the first 40 rounds fill what the process keeps for them.
  const settled = Math.max(Math.ceil(count / 4), Math.min(40, Math.ceil(count / 2)));
  const result = await flat(
    count,
    async (i) => {
      const calls = images.slice(0, 4).map(async (image, k) => {
        const ms = Math.floor(Math.random() * 60);
        const limit = k % 2 === 0 ? { deadlineMs: ms } : { signal: AbortSignal.timeout(ms) };
        try {
          same((await pool.classify(image, k < 3 ? limit : {})).logitsSha256, hashes.get(image), image);
          answered++;
        } catch (error) {
          if (!/^E_(ABORT|STATE)$/.test(/** @type {any} */ (error).code)) throw error;
        }
      });
      if (i % 20 === 19) {
        pool.dispose();
        await Promise.all(calls);
        pool = await Classifier.load(MODEL, { worker: 2 });
        return;
      }
      await Promise.all(calls);
    },
    settled,
  );
  pool.dispose();
  if (answered === 0) throw new Error('no call was answered');
  return { ...result, answered };
}

/** @param {string[]} args */
async function main(args) {
  const option = (/** @type {string} */ name, /** @type {number} */ missing) =>
    args.includes(name) ? Number(args.splice(args.indexOf(name), 2)[1]) : missing;
  const [classifications, loads, aborts] = [
    option('--classifications', 100_000),
    option('--loads', 10_000),
    option('--aborts', 1000),
  ];
  const images = imagesIn(args[0] ?? join(ROOT, 'tests/data/images'));
  console.log('classify', await soakClassify(images, classifications));
  console.log('load and dispose', await soakLoad(images, loads));
  console.log('aborts', await soakAborts(images, aborts));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2));
