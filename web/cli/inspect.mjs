// SPDX-License-Identifier: MIT
// vit158 inspect: what a model file is made of, as the engine tells it. (Checkpoints that are still to be
// packed: the native command.)
import { EXIT, complain, printJson, printable } from './console.mjs';
import { factLines, loadModel } from './model.mjs';
import { parseOptions } from './options.mjs';

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'inspect FILE [options]',
  about:
    'Describes a model file: architecture, bytes by part, bits per weight, share of zeros in each\n' +
    "matrix, and whether its size matches the format's formula. The native command also inspects\n" +
    'checkpoints that are still to be packed.',
  options: [
    { name: '--json', help: 'print the result as a JSON object' },
    { name: '--tensors', help: 'also list every tensor (the JSON always does)' },
  ],
  count: [1, 1],
  notes: 'Exit codes: 0 success, 1 the file is not a model, 2 wrong usage.',
};

/** @param {string[]} args */
export async function inspect(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const [file] = parsed.rest;
  const vit = await loadModel('inspect', { '--model': file.includes('/') ? file : `./${file}` }, { called: file });
  if (!vit) return EXIT.FAILED;
  try {
    const report = { file, ...(await vit.inspect()) };
    if (parsed.values['--json']) printJson(report);
    else printText(report, Boolean(parsed.values['--tensors']));
  } catch (error) {
    return complain('inspect', file, error);
  } finally {
    vit.dispose();
  }
  return EXIT.OK;
}

/** @typedef {import('../lib/vit158.d.ts').Inspection & {file: string}} Report */

/** @param {Report} report @param {boolean} withTensors */
function printText(report, withTensors) {
  const { bytes, matrices, tensors, metadata } = report;
  const { formula, file, ...parts } = bytes;
  const lines = [
    `${printable(report.file)}: ${report.kind}`,
    factLines({ ...numbersOf(report), norms: report.norms, tensors: tensors.length }).trimEnd(),
    'bytes',
    ...Object.entries({ ...parts, file }).map(
      ([name, n]) => `  ${name.padEnd(10)}${String(n).padStart(12)}  ${((100 * n) / file).toFixed(1).padStart(5)} %`,
    ),
    `  ${'formula'.padEnd(10)}${String(formula).padStart(12)}  ${formula === file ? 'equal' : 'DIFFERENT'}`,
    `  ${report.bits_per_weight.toFixed(4)} bits a weight of the matrices, scales included; ` +
      `the rest as ${report.rest_type}`,
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
  ];
  process.stdout.write(`${lines.join('\n')}\n${factLines(metadata)}`);
}

/** What the file says of the model, number by number. @param {Report} report @returns {Record<string, number>} */
function numbersOf({ bits_per_weight: _, ...report }) {
  const numbers = Object.entries(report).filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(/** @type {[string, number][]} */ (numbers));
}
