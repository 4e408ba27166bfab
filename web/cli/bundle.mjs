// SPDX-License-Identifier: MIT
// vit158 bundle: the page, a model and sample images in one HTML file that opens from a disk.
import { EXIT, complain, printJson, printable } from './console.mjs';
import { TITLE_OPTION, pageOf } from './one_page.mjs';
import { UsageError, parseOptions } from './options.mjs';
import { writeWhole } from './whole_file.mjs';

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'bundle [MODEL] [IMAGE...] -o APP.html [options]',
  about:
    'Writes one HTML file that classifies images with MODEL: page, runtime, model and sample images.\n' +
    'It opens with a double click, without a server or a network. MODEL is a file, or a model in models/;\n' +
    'without it the default model is used.',
  options: [
    TITLE_OPTION,
    { name: '--output', letter: '-o', placeholder: 'FILE', help: 'the page to write (required)' },
    { name: '--json', help: 'print what was written as a JSON object' },
  ],
  count: [0, Infinity],
  notes:
    'The IMAGEs are offered as samples; the first is classified when the page opens.\n' +
    'Exit codes: 0 success, 1 something failed, 2 wrong usage.',
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
      process.stdout.write(
        `${printable(out)}: model ${printable(model)}, ${pictures} image${pictures === 1 ? '' : 's'}, ${done.bytes} bytes\n`,
      );
    return EXIT.OK;
  } catch (error) {
    return complain('bundle', out, error);
  }
}
