// SPDX-License-Identifier: MIT
// Writes template.html.gz: the page with its style, its code and its workers inside, but no model yet.
// `vit158 bundle` fills it; the npm package carries it, so that filling needs no build tool. The same
// sources give the same text.
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const WEB = path.dirname(HERE);

export const TEMPLATE = path.join(HERE, 'template.html.gz');

/** Where `vit158 bundle` puts the files. */
const PLACE = '<!-- files inside -->';

/**
 * One classic script of a module and all it leads to: a page from a disk may load no modules.
 * @param {string} entry in web/
 * @param {string} [worker] what inside_texts.js is to export
 * @returns {Promise<string>}
 */
async function scriptOf(entry, worker = '') {
  const { outputFiles } = await build({
    entryPoints: [path.join(WEB, entry)],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    logOverride: { 'ignored-bare-import': 'silent' }, // worker.js names files for the sake of fetching
    // Addresses of files beside the modules: never asked for, but put together.
    define: { 'import.meta.url': '"file:///"' },
    plugins: [
      {
        name: 'inside',
        setup(plugin) {
          plugin.onResolve({ filter: /\/resources\.js$/ }, () => ({ path: path.join(HERE, 'resources_inside.js') }));
          plugin.onResolve({ filter: /\/inside_texts\.js$/ }, () => ({ path: 'inside_texts', namespace: 'inside' }));
          plugin.onLoad({ filter: /.*/, namespace: 'inside' }, () => ({
            contents: `export const WORKER = ${JSON.stringify(worker)}, NOTICES = ${JSON.stringify(notices())};`,
          }));
        },
      },
    ],
  });
  return outputFiles[0].text.trim();
}

/** The licence, and the notices of others' work, by their path in the repository. */
const notices = () =>
  Object.fromEntries(
    ['LICENSE', 'THIRD-PARTY.md'].map((name) => [name, readFileSync(path.join(WEB, '..', name), 'utf8')]),
  );

/** @param {string} text inside an element */
const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/**
 * @param {string} html
 * @param {RegExp} pattern that occurs
 * @param {string} by
 */
function replace(html, pattern, by) {
  if (!pattern.test(html)) throw new Error(`index.html has nothing like ${pattern}`);
  return html.replace(pattern, () => by);
}

/** @param {string} file in web/ */
function styleOf(file) {
  const style = readFileSync(path.join(WEB, file), 'utf8').trim();
  if (/<\/style|url\((?!["']?(#|data:))/i.test(style))
    throw new Error(`${file} would end its element, or leads elsewhere`);
  return style;
}

/** @returns {Promise<string>} */
export async function templateText() {
  const script = await scriptOf('app/main.js', await scriptOf('bundle/worker_inside.js'));
  if (/<\/script|<!--/i.test(script)) throw new Error('the script would end its element');
  let html = readFileSync(path.join(WEB, 'index.html'), 'utf8');
  /** @type {string[]} */
  const styles = [];
  html = html.replace(/<link rel="stylesheet" href="([\w.-]+)">/g, (_, file) => {
    styles.push(styleOf(file));
    return `<style>${styles.at(-1)}</style>`;
  });
  // Nothing may be asked for anywhere; the code may start only what came with it.
  const policy =
    `default-src 'none'; script-src ${hashOf(script)} 'wasm-unsafe-eval'; ` +
    `style-src ${styles.map(hashOf).join(' ')}; img-src data: blob:; media-src blob:; worker-src blob:; ` +
    "base-uri 'none'; form-action 'none'";
  const icon = readFileSync(path.join(WEB, 'icon.svg')).toString('base64');
  html = html.replace(/^<link rel="(modulepreload|manifest|apple-touch-icon)".*\n/gm, '');
  html = replace(html, /(?<=http-equiv="Content-Security-Policy" content=")[^"]*/, policy);
  html = replace(html, /(?<=<link rel="icon" href=")[^"]*/, `data:image/svg+xml;base64,${icon}`);
  html = replace(html, /(<script type="module" src="app\/\w+\.js"( async)?><\/script>\n)+/g, '');
  html = replace(html, /<\/body>/, `${PLACE}\n<script>${script}</script>\n</body>`);
  const left = html.replace(script, '').match(/\s(?:src|href)="(?!#|data:)[^"]*"/);
  if (left) throw new Error(`the page still leads elsewhere:${left[0]}`);
  return html;
}

/** Under another name first: another run may be reading it. */
export async function writeTemplate() {
  const half = `${TEMPLATE}.${process.pid}`;
  writeFileSync(half, gzipSync(await templateText(), { level: 9 }));
  renameSync(half, TEMPLATE);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await writeTemplate();
