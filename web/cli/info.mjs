// SPDX-License-Identifier: MIT
// vit158 info: what a model is and what running it takes.
import { EXIT, printJson } from './console.mjs';
import { RUN_OPTIONS, factLines, loadModel, modelFacts, shortMetadata } from './model.mjs';
import { parseOptions } from './options.mjs';

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'info [options]',
  about: "Shows a model's geometry, the memory it needs to run, and its metadata.",
  options: [{ name: '--json', help: 'print the result as a JSON object' }, ...RUN_OPTIONS],
  count: [0, 0],
  notes: 'Exit codes: 0 success, 1 the model failed to load, 2 wrong usage.',
};

/** @param {string[]} args */
export async function info(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const vit = await loadModel('info', parsed.values);
  if (!vit) return EXIT.FAILED;
  const { version, numericsVersion, engine, name, model, memoryBytes, metadata } = vit.info();
  vit.dispose();
  const numbers = { ...modelFacts(model), memory_bytes: memoryBytes };
  if (parsed.values['--json']) {
    printJson({
      version,
      numerics_version: numericsVersion,
      engine,
      model: name,
      ...numbers,
      metadata: shortMetadata(metadata),
    });
    return EXIT.OK;
  }
  process.stdout.write(
    `vit158 ${version}, numerics ${numericsVersion}, ${engine}\n${name}\n` +
      `${factLines(numbers)}metadata\n${factLines(shortMetadata(metadata))}`,
  );
  return EXIT.OK;
}
