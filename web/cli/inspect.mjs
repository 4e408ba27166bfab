// SPDX-License-Identifier: MIT
// vit158 inspect: what a model file is made of. The engine has opened and checked the file before
// anything here reads it. (Checkpoints that are still to be packed: the native command.)
import { open } from 'node:fs/promises';
import { EXIT, complain, printJson, printable } from './console.mjs';
import { geometry, loadModel } from './model.mjs';
import { parseOptions } from './options.mjs';
import { countTrits, tritBytes } from '../lib/trits.js';
import { formulaBytes } from './trits.mjs';

/** @typedef {{dtype: string, shape: number[], data_offsets: [number, number]}} TensorEntry */
/** @typedef {{name: string, type: string, shape: number[], bytes: number}} Tensor */
/** @typedef {{name: string, type: string, n_out: number, n_in: number, bytes: number,
 *             rows?: number, zeros?: number, scale?: number}} Matrix */

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'inspect FILE [options]',
  about:
    'Shows what a model file is made of: architecture, bytes by part, bits per weight, share of zeros ' +
    "in each matrix, and whether its size is what the format's formula says.",
  options: [
    { name: '--json', help: 'the result as a JSON object' },
    { name: '--tensors', help: 'list every tensor too (the JSON always does)' },
  ],
  count: [1, 1],
  notes: 'Exit codes: 0 all went well, 1 the file is no model, 2 wrong command line.',
};

const MATRIX = /^blocks\.(\d+)\.(?:attn\.(?:qkv|proj)|mlp\.fc[12])\.weight$/;
/** What belongs to a block's matrix beside its weights and bias. */
const OF_MATRIX = /^blocks\..*\.(?:scale|rows|step)$/;
const MATRIX_ORDER = ['attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2'];

/** Long lists are not for reading. */
const LONG = ['labels', 'wnids', 'encodings'];

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
    const report = await describe(file, geometry(model), metadata);
    if (parsed.values['--json']) printJson(report);
    else printText(report, Boolean(parsed.values['--tensors']));
  } catch (error) {
    return complain('inspect', file, error);
  }
  return EXIT.OK;
}

/** @typedef {Awaited<ReturnType<typeof describe>>} Report */

/**
 * Keys in the order of ../COMMANDS.md.
 * @param {string} path
 * @param {ReturnType<typeof geometry>} shape
 * @param {Record<string, string>} metadata
 */
async function describe(path, shape, metadata) {
  const { parameters, ternary_parameters, int8_parameters, file_bytes, ...sides } = shape;
  const file = await open(path, 'r');
  try {
    const header = 8 + Number((await readAt(file, 0, 8)).readBigUInt64LE());
    const { __metadata__: _, ...entries } = /** @type {Record<string, TensorEntry>} */ (
      JSON.parse((await readAt(file, 8, header - 8)).toString('utf8'))
    );
    const tensors = Object.entries(entries)
      .sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0])
      .map(
        ([
          name,
          {
            dtype,
            shape: dims,
            data_offsets: [from, to],
          },
        ]) => ({ name, type: dtype, shape: dims, bytes: to - from }),
      );
    const matrices = await readMatrices(file, header, entries, metadata);
    const total = (/** @type {{bytes: number}[]} */ list) => list.reduce((sum, { bytes }) => sum + bytes, 0);
    const scales = total(tensors.filter(({ name }) => OF_MATRIX.test(name)));
    const form = {
      outer_norms: 'blocks.0.norm1.weight' in entries,
      inner_norms: MATRIX_ORDER.some((part) => `blocks.0.${part}.norm.weight` in entries),
    };
    const stored = {
      type: matrices[0].type,
      rest: (entries.cls_token ?? entries['patch_embed.proj.bias']).dtype,
      rowScales: (entries['blocks.0.attn.qkv.scale']?.shape[0] ?? 1) > 1,
    };
    const newerBytes = newer(entries, matrices, stored) + variantBytes(entries, shape, form, stored.rest);
    const weights = matrices.reduce((sum, { n_out, n_in }) => sum + n_out * n_in, 0);
    return {
      file: path,
      kind: matrices.some(({ type }) => type === 'trit') ? 'ternary' : 'dense',
      ...sides,
      ...form,
      parameters,
      ternary_parameters,
      int8_parameters,
      bytes: {
        file: file_bytes,
        formula: formulaBytes(shape, form, { ...stored, newerBytes }, header),
        header,
        matrices: total(matrices),
        scales,
        rest: total(tensors) - total(matrices) - scales,
      },
      bits_per_weight: (8 * (total(matrices) + scales)) / weights,
      matrices,
      tensors,
      metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => !LONG.includes(key))),
    };
  } finally {
    await file.close();
  }
}

/** @param {number} bits @returns {number} the finite F16 number above 0 with these bits */
function fromHalf(bits) {
  const exponent = bits >> 10;
  return exponent === 0 ? (bits & 1023) * 2 ** -24 : (1 + (bits & 1023) / 1024) * 2 ** (exponent - 15);
}

/**
 * What format version 2 adds to a file, against one row an output, F32 scales and a float rest.
 * @param {Record<string, TensorEntry>} entries
 * @param {Matrix[]} matrices
 * @param {{rest: string, rowScales: boolean}} stored
 */
function newer(entries, matrices, { rest, rowScales }) {
  const bytes = (/** @type {string} */ name) => {
    const [from, to] = entries[name]?.data_offsets ?? [0, 0];
    return to - from;
  };
  let more = 0;
  for (const { name, type, n_out, n_in, rows = n_out } of matrices) {
    if (type !== 'trit' && type !== 'I8') continue;
    const prefix = name.slice(0, -'weight'.length);
    more +=
      tritBytes(rows - n_out, n_in) +
      bytes(`${prefix}scale`) -
      4 * (rowScales ? n_out : 1) +
      bytes(`${prefix}rows`) +
      bytes(`${prefix}step`);
  }
  for (const name of ['pos_embed', 'patch_embed.proj.weight', 'head.weight'])
    if (entries[name]?.dtype === 'I8')
      more += bytes(`${name.replace(/\.weight$/, '')}.scale`) - bytes(name) * (rest === 'F32' ? 3 : 1);
  return more;
}

/**
 * What a model beyond the plain one (FORMAT.md, 2.1) adds to its floats.
 * @param {Record<string, TensorEntry>} entries
 * @param {ReturnType<typeof geometry>} shape
 * @param {{inner_norms: boolean}} form
 * @param {string} rest
 */
function variantBytes(entries, { dim: d, mlp_dim: f, depth, classes }, form, rest) {
  const plain = 3 * d + classes * d + (form.inner_norms ? depth * (6 * d + 2 * f) : 0);
  const own = Object.entries(entries)
    .filter(([name]) => /^(?:cls_token|head\.weight|(?:norm|norm_pre|fc_norm)\.\w+|blocks\..*\.norm\.\w+)$/.test(name))
    .reduce((sum, [, { shape }]) => sum + shape.reduce((product, n) => product * n, 1), 0);
  return (own - plain) * (rest === 'F32' ? 4 : 2);
}

/**
 * The four matrices of each block, in the order they run.
 * @param {import('node:fs/promises').FileHandle} file
 * @param {number} header
 * @param {Record<string, TensorEntry>} entries
 * @param {Record<string, string>} metadata
 */
async function readMatrices(file, header, entries, metadata) {
  /** @type {Record<string, {type: string, n_in: number, n_out: number, rows?: number}>} */
  const encodings = JSON.parse(metadata.encodings ?? '{}');
  const names = Object.keys(entries)
    .filter((name) => MATRIX.test(name))
    .sort((a, b) => {
      const place = (/** @type {string} */ name) =>
        Number(name.split('.')[1]) * MATRIX_ORDER.length + MATRIX_ORDER.findIndex((part) => name.includes(part));
      return place(a) - place(b);
    });
  /** @type {Matrix[]} */
  const matrices = [];
  for (const name of names) {
    const {
      dtype,
      shape,
      data_offsets: [from, to],
    } = entries[name];
    const { n_out, n_in, rows = n_out } = encodings[name] ?? { n_out: shape[0], n_in: shape[1] };
    /** @type {Matrix} */
    const matrix = {
      name,
      type: dtype === 'U8' ? 'trit' : dtype,
      n_out,
      n_in,
      ...(rows > n_out ? { rows } : {}),
      bytes: to - from,
    };
    if (matrix.type === 'trit') {
      const scale = entries[name.replace(/weight$/, 'scale')];
      const scaleAt = header + scale.data_offsets[0];
      matrix.zeros = countTrits(await readAt(file, header + from, to - from), rows, n_in)[1] / (rows * n_in);
      matrix.scale =
        scale.dtype === 'F16'
          ? fromHalf((await readAt(file, scaleAt, 2)).readUInt16LE())
          : (await readAt(file, scaleAt, 4)).readFloatLE();
    }
    matrices.push(matrix);
  }
  return matrices;
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

/** @param {Report} report @param {boolean} withTensors */
function printText(report, withTensors) {
  const { bytes, matrices, tensors, metadata } = report;
  const inner = MATRIX_ORDER.filter((part) =>
    tensors.some(({ name }) => name === `blocks.0.${part}.norm.weight`),
  ).length;
  const norms = [report.outer_norms && '2 outer', inner > 0 && `${inner} inner`].filter(Boolean).join(', ');
  const { formula, file, ...parts } = bytes;
  const typeOf = (/** @type {string} */ wanted) => tensors.find(({ name }) => name === wanted)?.type;
  const lines = [
    `${printable(report.file)}: ${report.kind}`,
    `  image ${report.image_size}, patch ${report.patch_size}, channels ${report.channels}, ` +
      `tokens ${report.tokens}, classes ${report.classes}`,
    `  dim ${report.dim}, depth ${report.depth}, heads ${report.heads}, mlp_dim ${report.mlp_dim}, ` +
      `norms a block: ${norms}`,
    `  ${report.parameters} parameters, ${report.ternary_parameters} of them ternary, in ${tensors.length} tensors`,
    'bytes',
    ...Object.entries({ ...parts, file }).map(
      ([name, n]) => `  ${name.padEnd(10)}${String(n).padStart(12)}  ${((100 * n) / file).toFixed(1).padStart(5)} %`,
    ),
    `  ${'formula'.padEnd(10)}${String(formula).padStart(12)}  ${formula === file ? 'equal' : 'DIFFERENT'}`,
    `  ${report.bits_per_weight.toFixed(4)} bits a weight of the matrices, scales included; ` +
      `the rest as ${typeOf('cls_token') ?? typeOf('patch_embed.proj.bias')}`,
    'matrices                        type   n_out   n_in      bytes   zeros  scale',
    ...matrices.map(
      ({ name, type, n_out, n_in, rows, bytes: n, zeros, scale }) =>
        `  ${name.padEnd(30)}${type.padEnd(5)}${String(n_out).padStart(7)}${String(n_in).padStart(7)}` +
        String(n).padStart(11) +
        (zeros === undefined ? '' : `  ${zeros.toFixed(4)}  ${Number(scale?.toPrecision(6))}`) +
        (rows === undefined ? '' : `  ${(rows / n_out).toFixed(2)} rows an output`),
    ),
    ...(withTensors
      ? ['tensors', ...tensors.map(({ name, type, shape }) => `  ${printable(name)}  ${type} [${shape.join(', ')}]`)]
      : []),
    'metadata',
    ...Object.entries(metadata).map(([key, value]) => `  ${printable(key)} = ${printable(value)}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
