// SPDX-License-Identifier: MIT
// vit158 record: what a model gives for images, as a golden file for `vit158 verify`. The file gets
// its name only when it is complete.
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { goldenText } from '../lib/golden_file.js';
import { goldenHead, recordPicture } from '../lib/regression.js';
import { sha256Hex } from '../lib/sha256.js';
import { fileProblem } from '../lib/files.js';
import { EXIT, Progress, complain, printJson, printable } from './console.mjs';
import { RUN_OPTIONS, findModel, loadModel } from './model.mjs';
import { UsageError, parseOptions } from './options.mjs';
import { writeProblem, writeWhole } from './whole_file.mjs';

/** @typedef {import('../lib/golden.d.ts').GoldenPicture} GoldenPicture */

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'record MODEL FILE... -o GOLDEN [options]',
  about:
    'Records what MODEL gives for JPEG, PNG and WebP images: logits, top-1 and a hash of every step.\n' +
    '`vit158 verify GOLDEN` compares with it later. MODEL is a file, or a model in models/.',
  options: [
    { name: '--output', letter: '-o', placeholder: 'FILE', help: 'the golden file to write (required)' },
    { name: '--json', help: 'print what was written as a JSON object' },
    ...RUN_OPTIONS.filter(({ name }) => name !== '--model'),
  ],
  count: [2, Infinity],
  notes:
    'The golden file names the images relative to itself. Nothing is written if one of them fails.\n' +
    'Exit codes: 0 success, 1 something failed, 2 wrong usage.',
};

/** @param {string[]} args */
export async function record(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const {
    values,
    rest: [wanted, ...files],
  } = parsed;
  const out = /** @type {string | undefined} */ (values['--output']);
  if (out === undefined) throw new UsageError('say where to write with -o FILE');
  const vit = await loadModel('record', { ...values, '--model': wanted });
  if (!vit) return EXIT.FAILED;
  const { numericsVersion, name } = vit.info();
  try {
    const path = findModel(wanted);
    const file = beside(out, path); // before the images: there may be no such folder
    const pictures = await recordAll(vit, files, out);
    if (pictures.length < files.length) return EXIT.FAILED;
    const model = { file, sha256: await sha256Hex(readFileSync(path)) };
    const text = goldenText({ ...goldenHead(vit, model), pictures });
    writeWhole(out, text);
    const done = {
      golden: out,
      pictures: pictures.length,
      model: name,
      numerics_version: numericsVersion,
      bytes: Buffer.byteLength(text),
    };
    if (values['--json']) printJson(done);
    else
      process.stdout.write(
        `${printable(out)}: ${done.pictures} image${done.pictures === 1 ? '' : 's'}, model ${printable(name)}, ` +
          `numerics ${numericsVersion}, ${done.bytes} bytes\n`,
      );
    return EXIT.OK;
  } catch (error) {
    return complain('record', out, error);
  } finally {
    vit.dispose();
  }
}

/**
 * Those that could be run; the others have been complained about.
 * @param {import('../lib/vit158.d.ts').Classifier} vit
 * @param {string[]} files
 * @param {string} out
 */
async function recordAll(vit, files, out) {
  const progress = new Progress(files.length);
  /** @type {GoldenPicture[]} */
  const pictures = [];
  for (const [i, file] of files.entries()) {
    try {
      const bytes = readPicture(file);
      pictures.push(await recordPicture(vit, beside(out, file), bytes));
    } catch (error) {
      progress.clear();
      complain('record', file, error);
    }
    progress.update(i + 1);
  }
  progress.clear();
  return pictures;
}

/** @param {string} file */
function readPicture(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Vit158Error('E_IO', fileProblem(error));
  }
}

/**
 * `file` as seen from the folder of `golden`, with slashes; links are followed, so that it leads
 * there from wherever the two are named.
 * @param {string} golden
 * @param {string} file that exists
 */
export function beside(golden, file) {
  const folder = realFolder(dirname(golden));
  return relative(folder, join(realFolder(dirname(file)), basename(file)))
    .split(sep)
    .join('/');
}

/** @param {string} folder */
function realFolder(folder) {
  try {
    return realpathSync(folder);
  } catch (error) {
    throw new Vit158Error('E_IO', writeProblem(error));
  }
}
