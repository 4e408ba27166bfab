// SPDX-License-Identifier: MIT
// vit158 verify: runs the images of a golden file again and says what differs, from which step on.
import { dirname, isAbsolute, join } from 'node:path';
import { baseName } from '../lib/source.js';
import { verify as verifyGolden } from '../lib/regression.js';
import { readGolden } from '../lib/golden_file.js';
import { Vit158Error } from '../lib/errors.js';
import { EXIT, Progress, complain, printJson, printable } from './console.mjs';
import { RUN_OPTIONS, findModel, isReadable, loadOptions } from './model.mjs';
import { parseOptions } from './options.mjs';

/** @typedef {import('../lib/golden.d.ts').Report} Report */
/** @typedef {import('../lib/golden.d.ts').PictureReport} PictureReport */

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'verify GOLDEN [options]',
  about:
    'Runs the images of a golden file written by `vit158 record`, and compares every bit of the\n' +
    'logits and of each step before them, or with --tolerance only the logits and top-1.',
  options: [
    {
      name: '--tolerance',
      placeholder: 'X',
      help: 'largest difference allowed in a logit',
      range: [0, 1e9],
      fraction: true,
    },
    { name: '--json', help: 'print the result as a JSON object' },
    ...RUN_OPTIONS,
  ],
  count: [1, 1],
  notes:
    'The model is the one that the golden file names, unless --model gives another; the same\n' +
    'holds for what it merges and --merge.\n' +
    'Exit codes: 0 all is as recorded, 1 something differs or failed, 2 wrong usage.',
};

/** @param {string[]} args */
export async function verify(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const {
    values,
    rest: [path],
  } = parsed;
  const tolerance = /** @type {number | undefined} */ (values['--tolerance']);
  /** @type {Progress | undefined} */
  let progress;
  try {
    const golden = await readGolden(path);
    const model = modelOf(golden, path, /** @type {string | undefined} */ (values['--model']));
    progress = new Progress(golden.pictures.length);
    const report = await verifyGolden(golden, {
      tolerance,
      model,
      load: loadOptions(values),
      merge: /** @type {string | undefined} */ (values['--merge']),
      read: (file) => beside(path, file),
      onProgress: ({ done }) => progress?.update(done),
    });
    progress.clear();
    print(path, baseName(model), report, Boolean(values['--json']));
    return report.ok ? EXIT.OK : EXIT.FAILED;
  } catch (error) {
    progress?.clear();
    return complain('verify', path, error);
  }
}

/**
 * Where --model leads, else the file named, else a model of that name in the collection.
 * @param {import('../lib/golden.d.ts').Golden} golden
 * @param {string} path of the golden file
 * @param {string} [wanted]
 */
function modelOf({ model: { file } }, path, wanted) {
  if (wanted !== undefined) return findModel(wanted);
  const named = beside(path, file);
  if (isReadable(named)) return named;
  try {
    return findModel(baseName(file));
  } catch {
    throw new Vit158Error('E_IO', `its model ${file} is not there: say where it is with --model`);
  }
}

/** A file named in the golden file at `path`. @param {string} path @param {string} file */
const beside = (path, file) => (isAbsolute(file) ? file : join(dirname(path), file));

/** @param {string} golden @param {string} model @param {Report} report @param {boolean} json */
function print(golden, model, { ok, same, tolerance, engine, numericsVersion, pictures }, json) {
  for (const { file, ok: good, message } of pictures) {
    if (!good) complain('verify', file, new Vit158Error('E_VALUE', message));
    else if (!json) process.stdout.write(`${printable(file)}: ${message}\n`);
  }
  if (json)
    printJson({
      golden,
      ok,
      same,
      pictures: pictures.length,
      tolerance: tolerance ?? null,
      results: pictures.map(resultRecord),
      model,
      engine,
      numerics_version: numericsVersion,
    });
  else
    process.stdout.write(
      `${same} of ${pictures.length} images ${
        tolerance === undefined ? 'the same' : `within ${tolerance}`
      }: model ${printable(model)}, ${engine}, numerics ${numericsVersion}\n`,
    );
}

/** @param {PictureReport} picture */
function resultRecord({ file, ok, problem, message, firstDifference, maxDifference, expected, found }) {
  return {
    file,
    ok,
    problem: problem ?? null,
    message,
    first_difference: firstDifference ?? null,
    max_difference: maxDifference ?? null,
    expected,
    found: found ?? null,
  };
}
