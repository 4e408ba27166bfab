// SPDX-License-Identifier: MIT
// `npm start`: classifies a sample picture with the default model, through the committed wasm
// modules, then serves the page until it is stopped. Needs Node and nothing else.
// `npm start -- [--port N] [--coi]` as in serve.mjs.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveFromCommandLine } from './serve.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MIN_NODE = 18;

/** @param {string} message @returns {never} */
function stop(message) {
  console.error(`npm start: ${message}`);
  process.exit(1);
}

if (Number(process.versions.node.split('.')[0]) < MIN_NODE)
  stop(`needs Node ${MIN_NODE} or newer, this is ${process.version}`);
if (!existsSync(join(ROOT, 'wasm_build/dist/vit158.wasm')))
  stop('wasm_build/dist has no modules; npm run build:wasm makes them');

const samples = join(ROOT, 'models/samples');
const [first] = readdirSync(samples).filter((name) => /\.(jpg|png)$/.test(name)).sort();
const picture = relative(process.cwd(), join(samples, first));
console.log(`$ node web/cli.mjs classify ${picture}`);
const { status } = spawnSync(process.execPath, [join(ROOT, 'web/cli.mjs'), 'classify', picture],
  { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
console.log('\nOther pictures: node web/cli.mjs classify FILE...; everything else: node web/cli.mjs --help');
await serveFromCommandLine(process.argv.slice(2));
