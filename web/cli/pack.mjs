// SPDX-License-Identifier: MIT
// vit158 pack: from a checkpoint with float weights to a packed model file, by the import module. The new
// file is opened by the engine before it gets its name.
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { fileProblem } from '../lib/files.js';
import { runPack } from '../lib/import_module.js';
import { NAMES_BYTES } from '../lib/model_stream.js';
import { FOLDER } from '../lib/shipped.js';
import { refuseOthers, withAdvice } from '../lib/what_is.js';
import { Classifier } from '../lib/vit158.js';
import { EXIT, complain, printable } from './console.mjs';
import { IMPORT_MODULE, SourceFolder, isFolder } from './import_source.mjs';
import { UsageError, parseOptions } from './options.mjs';
import { replaceFile } from './whole_file.mjs';

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'pack IN.safetensors -o OUT.safetensors [options]',
  about:
    'Packs a checkpoint with float weights: the four matrices of each block become trit codes with a\n' +
    'scale (or int8, or float), everything else F16, BF16 or F32. Metadata is kept and completed. The\n' +
    'new file is read back before it gets its name.',
  options: [
    { name: '--output', letter: '-o', placeholder: 'FILE', help: 'the packed model to write (required)' },
    {
      name: '--rest',
      choices: ['f16', 'f32', 'bf16'],
      help: 'how to store everything except the coded matrices; default f16',
    },
    { name: '--ternarize', help: 'accept a model that was not trained to be ternary; its accuracy is lost' },
    { name: '--int8', help: 'store int8 matrices with one scale per output instead of ternary ones' },
    { name: '--float', help: 'keep the matrices as floats, stored like the rest' },
    {
      name: '--metadata',
      placeholder: 'FILE',
      help: 'JSON object of strings that replaces or adds metadata (heads, mean, labels, ...)',
    },
  ],
  count: [1, 1],
  notes: 'Exit codes: 0 success, 1 it could not be packed, 2 wrong usage.',
};

/** @param {string[]} args */
export async function pack(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const {
    values,
    rest: [source],
  } = parsed;
  const out = /** @type {string | undefined} */ (values['--output']);
  if (out === undefined) throw new UsageError('say where to write with -o FILE');
  const kinds = ['ternarize', 'int8', 'float'].filter((name) => values[`--${name}`]);
  if (kinds.length > 1) throw new UsageError('--ternarize, --int8 and --float exclude each other');
  let metadata;
  try {
    if (values['--metadata'] !== undefined) metadata = readFileSync(String(values['--metadata']));
  } catch (error) {
    return complain('pack', String(values['--metadata']), new Vit158Error('E_IO', fileProblem(error)));
  }
  const files = new SourceFolder(dirname(source));
  try {
    if (isFolder(source)) throw new Vit158Error('E_IO', FOLDER);
    if (files.size(basename(source)) < 0) throw new Vit158Error('E_IO', 'there is no such file');
    const module = await WebAssembly.compile(readFileSync(IMPORT_MODULE));
    const { zeros, kept, untrained, write } = await runPack(module, files, {
      file: Buffer.from(basename(source)),
      matrices: kinds[0] ?? 'trained',
      rest: String(values['--rest'] ?? 'f16'),
      metadata,
    });
    const model = await replaceAndOpen(out, write);
    printReport(out, model, zeros, kept);
    if (untrained && model.ternaryParameters > 0)
      process.stderr.write(
        'vit158 pack: warning: these matrices were not trained to be ternary; expect the model to have lost its accuracy\n',
      );
    return EXIT.OK;
  } catch (error) {
    const size = files.size(basename(source));
    if (size < 0) return complain('pack', source, error);
    const start = new Uint8Array(Math.min(NAMES_BYTES, size));
    files.read(basename(source), 0, start);
    return complain('pack', source, advised(error, source, start));
  } finally {
    files.close();
  }
}

/** @param {unknown} error @param {string} source @param {Uint8Array} start of it */
function advised(error, source, start) {
  try {
    refuseOthers(source, start);
    return withAdvice(error, { name: source, start });
  } catch (other) {
    const { code, message } = /** @type {Vit158Error} */ (other);
    return new Vit158Error(code, message.slice(source.length + 1)); // the name stands before it already
  }
}

/** @param {string} out @param {(put: (bytes: Uint8Array) => void) => void} write */
async function replaceAndOpen(out, write) {
  /** @type {import('../lib/vit158.d.ts').ModelInfo | undefined} */
  let model;
  await replaceFile(out, write, async (temporary) => {
    const vit = await Classifier.load(temporary);
    model = vit.info().model;
    vit.dispose();
  });
  return /** @type {import('../lib/vit158.d.ts').ModelInfo} */ (model);
}

/** @param {string} out @param {import('../lib/vit158.d.ts').ModelInfo} model @param {number} zeros @param {number} kept */
function printReport(out, { parameters, ternaryParameters: ternary, depth }, zeros, kept) {
  const share = ternary > 0 ? `, ${ternary} of them ternary (${((100 * zeros) / ternary).toFixed(1)} % zeros)` : '';
  process.stdout.write(`${printable(out)}: ${statSync(out).size} bytes, ${parameters} parameters${share}\n`);
  if (kept > 0)
    process.stdout.write(`${kept} of its ${4 * depth} matrices were ternary already and keep their scales\n`);
}
