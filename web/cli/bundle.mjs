// SPDX-License-Identifier: MIT
// vit158 bundle: the page, a model and sample images in one HTML file that opens from a disk.
import { EXIT, complain, printJson, printable } from './console.mjs';
import { TITLE_OPTION, pageOf } from './one_page.mjs';
import { UsageError, parseOptions } from './options.mjs';
import { writeWhole } from './whole_file.mjs';

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'bundle [MODEL] [PICTURE...] -o APP.html [options]',
  about:
    'Writes one HTML file that classifies pictures with MODEL: page, runtime, model and sample pictures.\n' +
    'It opens by a double click, without server or network. MODEL is a file, or a model in models/; without\n' +
    'MODEL, or with a picture in its place, the default model.',
  options: [
    TITLE_OPTION,
    { name: '--output', letter: '-o', placeholder: 'FILE', help: 'the page to write (required)' },
    { name: '--json', help: 'say what was written as a JSON object' },
  ],
  count: [0, Infinity],
  notes:
    'PICTUREs are offered to try; the first is classified when the page opens.\n' +
    'Exit codes: 0 all went well, 1 something failed, 2 wrong command line.',
};

/** @param {string[]} args */
export async function bundle(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const { values, rest } = parsed;
  const title = /** @type {string | undefined} */ (values['--title']);
  const out = /** @type {string | undefined} */ (values['--output']);
  if (out === undefined) throw new UsageError('say where to write with -o FILE');
  try {
    const page = await pageOf('bundle', rest, title);
    if (!page) return EXIT.FAILED;
    const { text, model, pictures } = page;
    writeWhole(out, text);
    const done = { file: out, model, pictures, bytes: Buffer.byteLength(text) };
    if (values['--json']) printJson(done);
    else
      process.stdout.write(`${printable(out)}: model ${printable(model)}, ${pictures} pictures, ${done.bytes} bytes\n`);
    return EXIT.OK;
  } catch (error) {
    return complain('bundle', out, error);
  }
}
