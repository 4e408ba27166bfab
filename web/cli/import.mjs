// SPDX-License-Identifier: MIT
// vit158 import: from a Vision Transformer of timm, Hugging Face or PyTorch to a model file, by the
// import module. The new file is opened by the engine before it gets its name.
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { fileProblem } from '../lib/files.js';
import { IMPORT_WEIGHTS, runImport } from '../lib/import_module.js';
import { Classifier } from '../lib/vit158.js';
import { EXIT, complain, printable } from './console.mjs';
import { compareAccuracy } from './import_accuracy.mjs';
import { IMPORT_MODULE, SourceFolder, isFolder } from './import_source.mjs';
import { verifyImport } from './import_verify.mjs';
import { UsageError, parseOptions } from './options.mjs';
import { replaceFile } from './whole_file.mjs';

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'import SOURCE -o OUT.safetensors [options]',
  about:
    'Converts a Vision Transformer from another library. SOURCE is a folder of Hugging Face or timm\n' +
    '(config.json and weights), or a weight file: safetensors of timm or torchvision, or what torch.save\n' +
    'wrote (.pth, .bin; read, never executed). Prints what was converted and what was assumed; refuses\n' +
    'what the engine cannot compute.',
  options: [
    { name: '--output', letter: '-o', placeholder: 'FILE', help: 'the model to write (required)' },
    {
      name: '--weights',
      choices: IMPORT_WEIGHTS,
      help: 'how weights are stored; default f16; i8 is what a page should load',
    },
    { name: '--heads', placeholder: 'N', range: [1, 256], help: 'number of heads, if the source does not state it' },
    {
      name: '--size',
      placeholder: 'S',
      range: [1, 2048],
      help: "side of the images; position embeddings are resized; default the source's",
    },
    { name: '--labels', placeholder: 'FILE', help: 'names of the classes, one per line or a JSON array' },
    {
      name: '--metadata',
      placeholder: 'FILE',
      help: 'JSON object of strings that replaces or adds metadata (mean, std, license, ...)',
    },
    {
      name: '--verify',
      placeholder: 'FILE|FOLDER',
      help: "safetensors with pixel_values and PyTorch's logits to compare with, or labelled images, a folder for each class",
    },
  ],
  count: [1, 1],
  notes: 'Exit codes: 0 success, 1 it could not be imported or failed to verify, 2 wrong usage.',
};

/** @param {string[]} args */
export async function importModel(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const {
    values,
    rest: [source],
  } = parsed;
  const out = /** @type {string | undefined} */ (values['--output']);
  if (out === undefined) throw new UsageError('say where to write with -o FILE');
  try {
    const { lines, write } = await runOn(source, values);
    await replaceFile(out, write, async (temporary) => (await Classifier.load(temporary)).dispose());
    process.stdout.write(
      `${printable(lines.report)}\n${printable(out)}: ${statSync(out).size} bytes; ` + `--weights ${lines.sizes}\n`,
    );
  } catch (error) {
    return complain('import', source, error);
  }
  const verify = /** @type {string | undefined} */ (values['--verify']);
  if (verify === undefined) return EXIT.OK;
  try {
    if (isFolder(verify))
      return (await compareAccuracy(await unrounded(source, values), out, verify)) ? EXIT.OK : EXIT.FAILED;
    return (await verifyImport(out, verify, values['--weights'] === 'f32')) ? EXIT.OK : EXIT.FAILED;
  } catch (error) {
    return complain('import', verify, error);
  }
}

/** @param {string} source @param {import('./options.mjs').Values} values */
async function runOn(source, values) {
  const folder = isFolder(source);
  const files = new SourceFolder(folder ? source : dirname(source));
  try {
    return await run(files, folder ? undefined : basename(source), values);
  } finally {
    files.close();
  }
}

/**
 * The source as a model with all of its precision, to compare with.
 * @param {string} source @param {import('./options.mjs').Values} values
 */
async function unrounded(source, values) {
  const { write } = await runOn(source, { ...values, '--weights': 'f32' });
  /** @type {Buffer[]} */
  const pieces = [];
  write((bytes) => pieces.push(Buffer.from(bytes))); // a copy: the module's memory may move
  return new Uint8Array(Buffer.concat(pieces));
}

/** @param {unknown} path */
function readText(path) {
  try {
    return readFileSync(String(path));
  } catch (error) {
    throw new Vit158Error('E_IO', `${path}: ${fileProblem(error)}`);
  }
}

/**
 * @param {SourceFolder} files
 * @param {string | undefined} file the source's name, undefined for a folder
 * @param {import('./options.mjs').Values} values
 */
async function run(files, file, values) {
  const module = await WebAssembly.compile(readFileSync(IMPORT_MODULE));
  const { report, megabytes, write } = await runImport(module, files, {
    file: file === undefined ? undefined : Buffer.from(file),
    weights: String(values['--weights'] ?? 'f16'),
    heads: Number(values['--heads'] ?? 0),
    size: Number(values['--size'] ?? 0),
    labels: values['--labels'] === undefined ? undefined : readText(values['--labels']),
    metadata: values['--metadata'] === undefined ? undefined : readText(values['--metadata']),
  });
  return {
    lines: { report, sizes: `f16 gives ${megabytes[0]} MB, i8 ${megabytes[1]} MB, f32 ${megabytes[2]} MB` },
    write,
  };
}
