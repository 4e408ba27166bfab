// SPDX-License-Identifier: MIT
// vit158 classify: pictures to predictions, one record a file.
import { EXIT, complain, printJson, printable, roundMs } from './console.mjs';
import { RUN_OPTIONS, loadModel, modelMembers } from './model.mjs';
import { parseOptions } from './options.mjs';
import { WORKERS_OPTION, classifyInOrder, interruptible } from './pictures.mjs';

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'classify FILE... [options]',
  about: 'Says what is in JPEG and PNG pictures.',
  options: [
    { name: '--top-k', letter: '-k', placeholder: 'K', help: 'number of predictions (5)', range: [1, 1e9] },
    { name: '--json', help: 'one JSON object a line for each file' },
    { name: '--logits', help: 'print the logits of all classes too' },
    ...RUN_OPTIONS,
    WORKERS_OPTION,
  ],
  count: [1, Infinity],
  notes: 'A file that cannot be read is one line on stderr; the others are still done.\n'
    + 'Exit codes: 0 all went well, 1 something failed, 2 wrong command line.',
};

/** @param {string[]} args */
export async function classify(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const { values, rest: files } = parsed;
  return interruptible((signal) => classifyFiles(files, values, signal));
}

/** @param {string[]} files @param {import('./options.mjs').Values} values @param {AbortSignal} signal */
async function classifyFiles(files, values, signal) {
  const vit = await loadModel('classify', values, { pictures: files.length, signal });
  if (!vit) return EXIT.FAILED;
  const print = values['--json'] ? printRecord : printText;
  /** @type {number} */
  let result = EXIT.OK;
  const topK = /** @type {number} */ (values['--top-k'] ?? 5);
  await classifyInOrder(vit, files, { topK, signal }, (i, { found, error }) => {
    if (found) print(files[i], found, vit, Boolean(values['--logits']));
    else result = complain('classify', files[i], error);
  });
  vit.dispose();
  return result;
}

/**
 * @param {string} file
 * @param {import('../lib/vit158.d.ts').Classification} found
 * @param {import('../lib/vit158.d.ts').Classifier} vit
 * @param {boolean} withLogits
 */
function printRecord(file, { predictions, timing, logits, logitsSha256 }, vit, withLogits) {
  const { decode, preprocess, embed, blocks, head, total } = timing;
  const stages = Object.entries({ decode, preprocess, embed, blocks, head, total });
  printJson({
    file,
    predictions,
    timing: Object.fromEntries(stages.map(([name, ms]) => [name, roundMs(ms)])),
    ...modelMembers(vit),
    ...(withLogits ? { logits: [...logits] } : {}),
    logits_sha256: logitsSha256,
  });
}

/** @type {typeof printRecord} */
function printText(file, { predictions, logits }, _vit, withLogits) {
  const lines = predictions.map(({ label, score, index }) =>
    `  ${(100 * score).toFixed(2).padStart(6)} %  ${printable(label) || `class ${index}`}`);
  if (withLogits) lines.push(`  logits ${Array.from(logits, (x) => Number(x.toPrecision(9))).join(' ')}`);
  process.stdout.write(`${[printable(file), ...lines].join('\n')}\n`);
}
