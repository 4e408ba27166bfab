// SPDX-License-Identifier: MIT
// A web server on localhost for tests of fetching.
import { createServer } from 'node:http';
import { after } from 'node:test';

/**
 * @param {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void} answer
 * @returns {Promise<string>} its origin; the server ends after the file's tests
 */
export async function serve(answer) {
  const server = createServer(answer);
  await /** @type {Promise<void>} */ (new Promise((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}
