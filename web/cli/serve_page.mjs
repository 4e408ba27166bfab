// SPDX-License-Identifier: MIT
// vit158 serve: the page with a model and sample images, for the browsers of this machine, until Ctrl-C.
import { createServer } from 'node:http';
import { Vit158Error, messageOf } from '../lib/errors.js';
import { EXIT, complain, printable } from './console.mjs';
import { TITLE_OPTION, pageOf } from './one_page.mjs';
import { parseOptions } from './options.mjs';
import { interruptible } from './images.mjs';

const DEFAULT_PORT = 8158;

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'serve [MODEL] [IMAGE...] [options]',
  about:
    'Shows the page with MODEL in the browsers of this machine, at http://localhost:8158/, until Ctrl-C.\n' +
    'MODEL is a file, or a model in models/; without it the default model is used.',
  options: [
    { name: '--port', placeholder: 'N', help: `to listen on (${DEFAULT_PORT}, or any free one)`, range: [1, 65535] },
    TITLE_OPTION,
  ],
  count: [0, Infinity],
  notes:
    'The IMAGEs are offered as samples; the first is classified when the page opens.\n' +
    'Exit codes: 1 something failed, 2 wrong usage; it runs until a signal ends it.',
};

/** @param {string[]} args */
export async function serve(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const { values, rest } = parsed;
  const wanted = /** @type {number | undefined} */ (values['--port']);
  try {
    const page = await pageOf('serve', rest, /** @type {string | undefined} */ (values['--title']));
    if (!page) return EXIT.FAILED;
    const server = serverOf(page.text);
    const port = await listen(server, wanted);
    process.stdout.write(`${printable(page.model)}: http://localhost:${port}/ (Ctrl-C ends it)\n`);
    await interruptible((signal) => new Promise((resolve) => signal.addEventListener('abort', resolve)));
    return EXIT.OK;
  } catch (error) {
    return complain('serve', undefined, error);
  }
}

/** One page and nothing else. @param {string} text */
function serverOf(text) {
  const body = Buffer.from(text);
  return createServer(({ method, url }, response) => {
    const isPage = new URL(url ?? '/', 'http://localhost').pathname === '/';
    const [status, content] = isPage ? [200, body] : [404, Buffer.from('there is the page at / and nothing else\n')];
    response.writeHead(status, {
      'cache-control': 'no-store',
      'content-length': content.length,
      'content-type': `text/${isPage ? 'html' : 'plain'}; charset=utf-8`,
      'x-content-type-options': 'nosniff',
    });
    response.end(method === 'HEAD' ? undefined : content);
  });
}

/**
 * On this machine's own address only.
 * @param {import('node:http').Server} server
 * @param {number} [wanted]  else the usual one, or any that is free
 * @returns {Promise<number>} the port
 */
async function listen(server, wanted) {
  /** @param {number} port */
  const on = (port) =>
    new Promise((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', () => resolve(undefined));
    });
  try {
    await on(wanted ?? DEFAULT_PORT);
  } catch (error) {
    const isTaken = /** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE';
    if (wanted !== undefined || !isTaken)
      throw new Vit158Error('E_IO', isTaken ? `port ${wanted} is taken: name another one` : messageOf(error));
    await on(0);
  }
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}
