// SPDX-License-Identifier: MIT
// Copies the page into one folder that any static host can serve as it is, from any path:
// `node web/site.mjs [FOLDER]`, build/site unless told. The layout is serve.mjs's.
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { LAYOUT, ROOT } from './serve.mjs';

/** Parts of the folders that a page does not need. */
const LEFT_OUT =
  /(^|\/)(cli|bundle|recipes|drawings|build\.json|screenshot\.png|inline(_modules)?\.js)$|\.(mjs|cjs|md|d\.ts|d\.cts)$/;

const own = path.join(ROOT, 'build/site');
const target = path.resolve(process.argv[2] ?? own);
if (target === own) await rm(target, { recursive: true, force: true });
else if ((await readdir(target).catch(() => [])).length > 0)
  throw new Error(`${target} is not empty; name a new folder`);
for (const [mount, folder] of Object.entries(LAYOUT)) {
  const to = path.join(target, mount);
  await mkdir(to, { recursive: true });
  await cp(path.join(ROOT, folder), to, {
    recursive: true,
    filter: (source) => !LEFT_OUT.test(path.relative(ROOT, source)),
  });
}
console.log(`the page: ${target}`);
