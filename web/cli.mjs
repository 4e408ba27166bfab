#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The npm `vit158` command: finds the sub-command and hands over its part of the command line.
// COMMANDS.md in this folder describes output and exit codes.
import { bundle } from './cli/bundle.mjs';
import { classify } from './cli/classify.mjs';
import { completion } from './cli/completion.mjs';
import { EXIT, complain } from './cli/console.mjs';
import { evaluate } from './cli/eval.mjs';
import { importModel } from './cli/import.mjs';
import { info } from './cli/info.mjs';
import { inspect } from './cli/inspect.mjs';
import { numericsVersion } from './cli/model.mjs';
import { UsageError } from './cli/options.mjs';
import { pack } from './cli/pack.mjs';
import { record } from './cli/record.mjs';
import { serve } from './cli/serve_page.mjs';
import { verify } from './cli/verify.mjs';
import { nearest } from './lib/options.js';
import { VERSION } from './lib/version.js';

/** @type {Record<string, {summary: string, run: (args: string[]) => Promise<number>}>} */
const COMMANDS = {
  classify: { summary: 'classify images', run: classify },
  eval: { summary: "measure a model's accuracy on folders of images", run: evaluate },
  import: { summary: 'convert a timm, Hugging Face or PyTorch model', run: importModel },
  info: { summary: "show a model's geometry, memory and metadata", run: info },
  inspect: { summary: 'show what a model file is made of', run: inspect },
  pack: { summary: 'turn a float checkpoint into a packed ternary model', run: pack },
  bundle: { summary: 'put a model and the page into one HTML file', run: bundle },
  serve: { summary: 'show a model and the page in the browser', run: serve },
  record: { summary: "record a model's results for images", run: record },
  completion: { summary: 'complete commands and options in the shell', run: completion },
  verify: { summary: 'check that a model still gives the recorded results', run: verify },
};

/** Commands that only the native build has. */
const NATIVE = ['bench', 'finetune', 'merge-search', 'plot', 'prune', 'quantize', 'synth', 'train'];

const HELP = `usage: vit158 COMMAND [arguments]

Ternary Vision Transformers: classify images, measure models.

commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  .join('\n')}

\`vit158 help COMMAND\` describes a command, \`vit158 version\` this package.
Exit codes: 0 success, 1 something failed, 2 wrong usage.
`;

/** @param {string[]} args @returns {Promise<number>} */
async function main([name, ...rest]) {
  if (name === undefined) {
    process.stderr.write(HELP);
    return EXIT.USAGE;
  }
  if (['--help', '-h', 'help'].includes(name)) {
    if (rest.length > 0) return main([rest[0], '--help']);
    process.stdout.write(HELP);
    return EXIT.OK;
  }
  if (['--version', '-V', 'version'].includes(name)) {
    process.stdout.write(`vit158 ${VERSION} (numerics ${await numericsVersion()})\n`);
    return EXIT.OK;
  }
  if (NATIVE.includes(name)) {
    process.stderr.write(
      `vit158: '${name}' is a command of the native build (npm run build:native), not of the npm package\n`,
    );
    return EXIT.USAGE;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const near = nearest(name, ['help', 'version', ...Object.keys(COMMANDS)]);
    process.stderr.write(
      `vit158: there is no command '${name}'${near ? `: did you mean ${near}?` : ''} (see vit158 --help)\n`,
    );
    return EXIT.USAGE;
  }
  try {
    return await COMMANDS[name].run(rest);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`vit158 ${name}: ${error.message} (see vit158 ${name} --help)\n`);
      return EXIT.USAGE;
    }
    return complain(name, undefined, error);
  }
}

// A reader that closes the pipe early (`| head`) has seen enough.
process.stdout.on('error', (error) => {
  process.exit(/** @type {NodeJS.ErrnoException} */ (error).code === 'EPIPE' ? EXIT.OK : EXIT.FAILED);
});
process.exitCode = await main(process.argv.slice(2));
