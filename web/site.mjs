// SPDX-License-Identifier: MIT
// Copies the page into one folder that any static host can serve as it is, from any path:
// `node web/site.mjs [FOLDER]`, build/site unless told. The layout is serve.mjs's.
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LIST, listScript, ROOT, siteFiles } from './site_files.mjs';

const own = path.join(ROOT, 'build/site');
const target = path.resolve(process.argv[2] ?? own);
if (target === own) await rm(target, { recursive: true, force: true });
else if ((await readdir(target).catch(() => [])).length > 0)
  throw new Error(`${target} is not empty; name a new folder`);
const files = await siteFiles();
for (const [name, file] of files) {
  const to = path.join(target, name);
  await mkdir(path.dirname(to), { recursive: true });
  await copyFile(file, to);
}
await writeFile(path.join(target, LIST), await listScript(files));
console.log(`the page: ${target}`);
