// SPDX-License-Identifier: MIT
// vit158 inspect: what lies in a model file. The engine has checked the file before anything here
// reads it.
import { open } from 'node:fs/promises';
import { EXIT, complain, printJson } from './console.mjs';
import { geometry, loadModel, shortMetadata } from './model.mjs';
import { parseOptions } from './options.mjs';

/** @typedef {{dtype: string, shape: number[], data_offsets: [number, number]}} TensorEntry */
/** @typedef {{type: string, n_in: number, n_out: number}} Encoding */
/** @typedef {{name: string, dtype: string, shape: number[], bytes: number,
 *             n_out?: number, n_in?: number, zeros?: number}} TensorRow */

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'inspect FILE [options]',
  about: "Lists a model file's architecture, tensors, bytes for each part, bits per weight and share of\n"
    + 'zeros in each ternary matrix.',
  options: [{ name: '--json', help: 'the result as a JSON object' }],
  count: [1, 1],
  notes: 'Exit codes: 0 all went well, 1 the file is not a valid model, 2 wrong command line.',
};

const TRITS_PER_CODE = 5;

/** Zeros (digit 1) among the first n digits of a code, [n][code]. */
const ZEROS = Array.from({ length: TRITS_PER_CODE + 1 }, (_, n) =>
  Uint8Array.from({ length: 243 }, (_unused, code) =>
    Array.from({ length: n }, (_digit, i) => Math.floor(code / 3 ** i) % 3)
      .filter((digit) => digit === 1).length));

/** @param {string[]} args */
export async function inspect(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const [file] = parsed.rest;
  const vit = await loadModel('inspect', { '--model': file.includes('/') ? file : `./${file}` });
  if (!vit) return EXIT.FAILED;
  const { model, metadata } = vit.info();
  vit.dispose();
  try {
    const record = { file, ...geometry(model), ...(await readTensors(file, metadata)) };
    const full = { ...record, bits_per_weight: (8 * record.file_bytes) / record.parameters };
    if (parsed.values['--json']) printJson(ordered(full, metadata));
    else printText(full);
  } catch (error) {
    return complain('inspect', file, error);
  }
  return EXIT.OK;
}

/**
 * @param {string} path
 * @param {Record<string, string>} metadata
 */
async function readTensors(path, metadata) {
  const file = await open(path, 'r');
  try {
    const word = await readAt(file, 0, 8);
    const headerBytes = 8 + Number(word.readBigUInt64LE());
    const { __metadata__: _, ...entries } = /** @type {Record<string, TensorEntry>} */ (
      JSON.parse((await readAt(file, 8, headerBytes - 8)).toString('utf8')));
    /** @type {Record<string, Encoding>} */
    const encodings = JSON.parse(metadata.encodings ?? '{}');
    const parts = { ternary: 0, scales: 0, int8: 0, float: 0 };
    let zeros = 0;
    /** @type {TensorRow[]} */
    const tensors = [];
    for (const [name, { dtype, shape, data_offsets: [from, to] }] of byOffset(entries)) {
      const bytes = to - from;
      const encoding = encodings[name]?.type === 'trit' ? encodings[name] : undefined;
      parts[partOf(name, dtype, encoding)] += bytes;
      /** @type {TensorRow} */
      const row = { name, dtype, shape, bytes };
      if (encoding) {
        const { n_out, n_in } = encoding;
        const count = countZeros(await readAt(file, headerBytes + from, bytes), n_out, n_in);
        zeros += count;
        Object.assign(row, { n_out, n_in, zeros: count / (n_out * n_in) });
      }
      tensors.push(row);
    }
    return { header_bytes: headerBytes, parts, zeros, tensors };
  } finally {
    await file.close();
  }
}

/** @param {import('node:fs/promises').FileHandle} file @param {number} at @param {number} n */
async function readAt(file, at, n) {
  const bytes = Buffer.alloc(n);
  let done = 0;
  while (done < n) {
    const { bytesRead } = await file.read(bytes, done, n - done, at + done);
    if (bytesRead === 0) throw new Error(`the file ends at byte ${at + done}`);
    done += bytesRead;
  }
  return bytes;
}

/** @param {Record<string, TensorEntry>} entries */
function byOffset(entries) {
  return Object.entries(entries).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
}

/**
 * @param {string} name
 * @param {string} dtype
 * @param {Encoding} [trit]
 */
function partOf(name, dtype, trit) {
  if (trit) return 'ternary';
  if (name.endsWith('.scale')) return 'scales';
  return dtype === 'I8' ? 'int8' : 'float';
}

/**
 * Zeros of a trit matrix. Groups of four codes lie side by side for each output, then the rest
 * (src/model/FORMAT.md); only the last group may have padding.
 * @param {Uint8Array} codes
 * @param {number} nOut
 * @param {number} nIn
 */
function countZeros(codes, nOut, nIn) {
  const groups = Math.ceil(nIn / TRITS_PER_CODE);
  const whole = ZEROS[TRITS_PER_CODE];
  const last = ZEROS[nIn - (groups - 1) * TRITS_PER_CODE];
  const tailStart = 4 * Math.floor((groups - 1) / 4) * nOut; // of the block with the last group
  const tailGroups = groups - (4 * Math.floor((groups - 1) / 4));
  let zeros = 0;
  for (let i = 0; i < codes.length; i++) {
    const isLast = i >= tailStart && (i - tailStart) % tailGroups === tailGroups - 1;
    zeros += (isLast ? last : whole)[codes[i]];
  }
  return zeros;
}

/** @typedef {ReturnType<typeof geometry> & Awaited<ReturnType<typeof readTensors>> & {file: string, bits_per_weight: number}} Report */

/** Keys in the order of ../README.md. @param {Report} report @param {Record<string, string>} metadata */
function ordered({ header_bytes, parts, zeros, tensors, bits_per_weight, ...first }, metadata) {
  const ternary = first.ternary_parameters;
  return {
    ...first,
    header_bytes,
    parts,
    bits_per_weight,
    zero_share: ternary > 0 ? zeros / ternary : null,
    tensors,
    metadata: shortMetadata(metadata),
  };
}

/** @param {Report} report */
function printText({ file, header_bytes, parts, zeros, tensors, bits_per_weight, ...numbers }) {
  const row = (/** @type {string} */ key, /** @type {string | number} */ value) => `  ${key.padEnd(20)} ${value}`;
  const share = numbers.ternary_parameters > 0
    ? `${((100 * zeros) / numbers.ternary_parameters).toFixed(2)} %` : '-';
  process.stdout.write(`${[
    file,
    ...Object.entries(numbers).map(([key, value]) => row(key, value)),
    row('header_bytes', header_bytes),
    ...Object.entries(parts).map(([part, bytes]) => row(`${part}_bytes`, bytes)),
    row('bits_per_weight', bits_per_weight.toFixed(3)),
    row('zeros', share),
    'tensors',
    ...tensors.map((t) => `  ${t.name.padEnd(36)} ${t.dtype.padEnd(4)} ${`[${t.shape.join(', ')}]`.padEnd(18)} ${t.bytes}`
      + (t.zeros === undefined ? '' : `  ${t.n_out} x ${t.n_in} trits, ${(100 * t.zeros).toFixed(1)} % zeros`)),
  ].join('\n')}\n`);
}
