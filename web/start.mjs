// SPDX-License-Identifier: MIT
// `npm start`: classifies the first sample image of the default model, through the committed wasm
// modules, then serves the page until it is stopped. Needs Node and nothing else; what a Node that is
// too old could not import is imported after the check.
// `npm start -- [--port N] [--coi]` as in serve.mjs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The first to list folders within folders (site_files.mjs). */
const MIN_NODE = [18, 17];

/** @param {string} message @returns {never} */
function stop(message) {
  console.error(`npm start: ${message}`);
  process.exit(1);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1]))
  stop(`needs Node ${MIN_NODE.join('.')} or newer, this is ${process.version}`);
if (!existsSync(join(ROOT, 'wasm_build/dist/vit158.wasm')))
  stop('wasm_build/dist has no modules; npm run build:wasm makes them');

const MANIFEST = join(ROOT, 'models/manifest.json');
/** @param {string} file */
const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const { default: name, models } = json(MANIFEST);
const list = join(dirname(MANIFEST), models.find((/** @type {{name: string}} */ one) => one.name === name).samples);
const picture = relative(process.cwd(), join(dirname(list), json(list).samples[0].file));
console.log(`$ node web/cli.mjs classify ${picture}`);
const { status } = spawnSync(process.execPath, [join(ROOT, 'web/cli.mjs'), 'classify', picture], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
console.log('\nOther pictures: node web/cli.mjs classify FILE...; everything else: node web/cli.mjs --help');
const { serveFromCommandLine } = await import('./serve.mjs');
await serveFromCommandLine(process.argv.slice(2));
