// SPDX-License-Identifier: MIT
// Makes models/vit158-imagenet.safetensors again from the float model and its calibration pictures, by
// the command of its card, and says whether the bytes are the same. Takes a quarter of an hour on two
// idle cores.
//
//   npm run models -- vit_tiny_patch16_224.safetensors imagenet-calib-700.tar imagenet-calib-250.tar [-o OUT]
//
// Any processor with AVX2 gives the same bytes. Should they differ, the tensors that do are listed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = join(ROOT, 'build/native/vit158');
const SHIPPED = join(ROOT, 'models/vit158-imagenet.safetensors');

/** @typedef {{dtype: string, shape: number[], data_offsets: [number, number]}} Tensor */

/** @param {Buffer} file */
function parts(file) {
  const begin = 8 + Number(file.readBigUInt64LE(0));
  /** @type {Record<string, Tensor>} */
  const { __metadata__: metadata, ...tensors } = JSON.parse(file.subarray(8, begin).toString());
  const data = (/** @type {Tensor} */ t) => file.subarray(begin + t.data_offsets[0], begin + t.data_offsets[1]);
  return { metadata: /** @type {Record<string, string>} */ (/** @type {unknown} */ (metadata)), tensors, data };
}

/** What differs between two model files, a line each. @param {Buffer} a @param {Buffer} b */
function differences(a, b) {
  const [x, y] = [parts(a), parts(b)];
  const keys = [...new Set([...Object.keys(x.metadata), ...Object.keys(y.metadata)])];
  const names = [...new Set([...Object.keys(x.tensors), ...Object.keys(y.tensors)])];
  return [
    ...keys.filter((key) => x.metadata[key] !== y.metadata[key]).map((key) => `metadata ${key}`),
    ...names
      .filter((name) => {
        const [s, t] = [x.tensors[name], y.tensors[name]];
        return s === undefined || t === undefined || !x.data(s).equals(y.data(t));
      })
      .map((name) => `tensor ${name}`),
  ];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', short: 'o', default: join(ROOT, 'build/models/vit158-imagenet.safetensors') } },
});
const [model, ...pictures] = positionals;
if (model === undefined || pictures.length === 0) {
  console.error('usage: npm run models -- FLOAT.safetensors PICTURES... [-o OUT]');
  process.exit(2);
}
if (!existsSync(COMMAND)) throw new Error('the native command is missing: npm run build:native');
mkdirSync(dirname(values.out), { recursive: true });
const metadata = join(ROOT, 'models/recipes/imagenet-metadata.json');
const { status } = spawnSync(
  COMMAND,
  [
    ...['quantize', model, ...pictures.flatMap((path) => ['--calibrate', path])],
    ...['--weights', 'budget:3400000', '--metadata', metadata, '-o', values.out],
  ],
  { stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);
const [made, shipped] = [readFileSync(values.out), readFileSync(SHIPPED)];
const different = made.equals(shipped) ? [] : differences(made, shipped);
console.log(`${values.out}: sha256 ${createHash('sha256').update(made).digest('hex')}`);
console.log(
  made.equals(shipped)
    ? 'the same bytes as the shipped file'
    : `${different.length} parts differ from the shipped file:`,
);
different.forEach((line) => console.log(`  ${line}`));
process.exitCode = made.equals(shipped) ? 0 : 1;
