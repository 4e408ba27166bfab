// SPDX-License-Identifier: MIT
// Development server for the page: static files with the right types, nothing cached, bound to this
// machine only. `node web/serve.mjs [--port N] [--coi]`; --coi sends COOP and COEP, which threads
// inside one image need. The same folders, laid out the same way, make a deployable site
// (web/site.mjs).
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { DOCUMENTS } from './app/resources.js';
import { DOCUMENTS_MOUNT, LAYOUT, LIST, listScript, ROOT, siteFiles } from './site_files.mjs';

export { LAYOUT, ROOT };

const DEFAULT_PORT = 8158;

/** The policy the page promises to run under; video files of the visitor's have blob: addresses. */
export const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; media-src 'self' blob:";

const PLAIN = 'text/plain; charset=utf-8';
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.md': 'text/markdown; charset=utf-8',
  '.safetensors': 'application/octet-stream',
};

/**
 * @param {string} pathname  decoded path of a URL
 * @returns {string | null} file in the repository, null if it lies outside the site
 */
export function resolveFile(pathname) {
  if (pathname.startsWith(DOCUMENTS_MOUNT)) {
    const name = pathname.slice(DOCUMENTS_MOUNT.length);
    return DOCUMENTS.includes(name) ? path.join(ROOT, name) : null;
  }
  const mount = Object.keys(LAYOUT)
    .filter((prefix) => pathname.startsWith(prefix))
    .sort((a, b) => b.length - a.length)[0];
  if (!mount || pathname.includes('\0')) return null;
  const folder = path.join(ROOT, LAYOUT[/** @type {keyof typeof LAYOUT} */ (mount)]);
  const file = path.join(folder, pathname.slice(mount.length));
  if (file !== folder && !file.startsWith(folder + path.sep)) return null;
  return pathname.endsWith('/') ? path.join(file, 'index.html') : file;
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {Record<string, string>} headers  sent with every answer
 */
async function answer(request, response, headers) {
  /** @param {number} status @param {string} text */
  const refuse = (status, text) => {
    response.writeHead(status, { ...headers, 'content-type': PLAIN });
    response.end(`${text}\n`);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'only GET and HEAD');
  let pathname;
  try {
    pathname = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
  } catch {
    return refuse(400, 'malformed address');
  }
  if (pathname === `/${LIST}`) {
    const script = await listScript(await siteFiles());
    response.writeHead(200, { ...headers, 'content-type': TYPES['.js'] });
    return response.end(script);
  }
  const file = resolveFile(pathname);
  const found = file ? await stat(file).catch(() => null) : null;
  if (!file || !found?.isFile()) return refuse(404, `there is no ${pathname}`);
  const type = TYPES[/** @type {keyof typeof TYPES} */ (path.extname(file))] ?? 'application/octet-stream';
  response.writeHead(200, { ...headers, 'content-type': type, 'content-length': found.size });
  if (request.method === 'HEAD') return response.end();
  return createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response);
}

/**
 * Starts serving on this machine's loopback address.
 * @param {{port?: number, coi?: boolean}} [options]  port 0 takes any free one
 * @returns {Promise<{url: string, close: () => Promise<void>}>}
 */
export function serve({ port = 0, coi = false } = {}) {
  const headers = {
    'cache-control': 'no-store',
    'content-security-policy': CSP,
    'x-content-type-options': 'nosniff',
    ...(coi && {
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    }),
  };
  const server = createServer((request, response) => {
    answer(request, response, headers).catch((error) => {
      console.error(`${request.url}: ${error.message}`);
      if (response.headersSent) return response.destroy();
      response.writeHead(500, { ...headers, 'content-type': PLAIN });
      return response.end('the server failed; its console says why\n');
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address());
      resolve({
        url: `http://localhost:${address.port}/`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}

/**
 * Serves until the process is stopped, and says where. A port that is taken is an error if it was
 * asked for; else any free one will do.
 * @param {string[]} args of the command line
 */
export async function serveFromCommandLine(args) {
  const options = { port: { type: 'string' }, coi: { type: 'boolean' } };
  /** @type {{port?: string, coi?: boolean}} */
  let values;
  try {
    ({ values } = parseArgs({ args, options: /** @type {any} */ (options) }));
    if (!/^\d{1,5}$/.test(values.port ?? '0')) throw new Error(`--port ${values.port}: not a port`);
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\nusage: [--port N] [--coi]`);
    process.exitCode = 2;
    return;
  }
  const { port, coi } = values;
  try {
    const { url } = await serve({ port: Number(port ?? DEFAULT_PORT), coi }).catch((error) => {
      if (port !== undefined || error.code !== 'EADDRINUSE') throw error;
      return serve({ port: 0, coi });
    });
    console.log(`The page: ${url} (Ctrl+C ends it)`);
  } catch (error) {
    console.error(`cannot serve: ${/** @type {Error} */ (error).message}`);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await serveFromCommandLine(process.argv.slice(2));
