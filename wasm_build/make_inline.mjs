// SPDX-License-Identifier: MIT
// Writes web/lib/inline_modules.js: the modules of dist/ that `vit158/inline` embeds, deflated, as
// base64. `npm pack` runs it first, so that the package's copy always is that of dist/; of the tests only
// moved_files wants the file before.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { DIST, ROOT } from './build.mjs';

/** @type {Record<string, string>} the file of each module by load_wasm.js's name for it */
export const EMBEDDED = { simd128: 'vit158.wasm', scalar: 'vit158-scalar.wasm', decode: 'vit158-decode.wasm' };

export const INLINE_MODULES = join(ROOT, 'web/lib/inline_modules.js');

/** The file's text; the same modules give the same text. */
export function inlineText() {
  const entries = Object.entries(EMBEDDED).map(([name, file]) => {
    const bytes = readFileSync(join(DIST, file));
    const digest = createHash('sha256').update(bytes).digest('hex');
    const base64 = deflateRawSync(bytes, { level: 9, memLevel: 9 }).toString('base64');
    return `  // ${file}, SHA-256 ${digest}\n  ${name}: { size: ${bytes.length}, base64: '${base64}' },\n`;
  });
  return (
    '// SPDX-License-Identifier: MIT\n// Made from wasm_build/dist by wasm_build/make_inline.mjs.\n' +
    `export const INLINE_MODULES = {\n${entries.join('')}};\n`
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  // Another run may be packing the folder: the file changes at once, and nothing else comes and goes in it.
  const half = join(ROOT, 'build', `inline_modules.${process.pid}`);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  writeFileSync(half, inlineText());
  renameSync(half, INLINE_MODULES);
}
