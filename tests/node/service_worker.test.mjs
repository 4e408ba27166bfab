// SPDX-License-Identifier: MIT
// web/sw.js in a realm of its own, with a store and a network that fail as told: whatever the store
// does, a file that the network has reaches the page.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import vm from 'node:vm';
import { ROOT } from '../setup.mjs';

const SCOPE = 'https://site.example/app/';
const FILES = { 'index.html': '<p>page</p>', 'model.bin': 'weights' };
const CODE = readFileSync(join(ROOT, 'web/sw.js'), 'utf8');

/** @param {string} text */
const hashOf = (text) => createHash('sha256').update(text).digest('hex');

/** @typedef {'open' | 'match' | 'read' | 'put' | 'delete' | 'nothing'} Failing */

/**
 * The service worker with what it kept; `failing` is the part of the store that throws.
 * @param {Failing} failing
 * @param {Record<string, string>} kept
 * @param {Record<string, string>} served what the network has
 */
function start(failing, kept, served) {
  /** @param {Failing} part */
  const may = (part) => {
    if (failing === part) throw new DOMException(`${part} failed`, 'QuotaExceededError');
  };
  const store = new Map(Object.entries(kept).map(([name, text]) => [SCOPE + name, text]));
  const cache = {
    match: async (/** @type {string} */ url) => {
      may('match');
      const text = store.get(url);
      if (text === undefined) return undefined;
      const response = new Response(text);
      if (failing === 'read') response.arrayBuffer = () => Promise.reject(new TypeError('the disk failed'));
      return response;
    },
    put: async (/** @type {string} */ url, /** @type {Response} */ response) => {
      may('put');
      store.set(url, await response.text());
    },
    delete: async (/** @type {string} */ url) => {
      may('delete');
      return store.delete(url);
    },
  };
  /** @type {Map<string, (event: any) => void>} */
  const listeners = new Map();
  const scope = {
    importScripts: () => {},
    SITE: {
      version: '1',
      needed: { 'index.html': hashOf(FILES['index.html']) },
      onDemand: { 'model.bin': hashOf(FILES['model.bin']) },
    },
    registration: { scope: SCOPE, update: async () => {} },
    addEventListener: (/** @type {string} */ type, /** @type {any} */ listener) => listeners.set(type, listener),
  };
  const fetchFile = async (/** @type {string | Request} */ what) => {
    const url = typeof what === 'string' ? what : what.url;
    const text = served[url.slice(SCOPE.length)];
    if (text === undefined) throw new TypeError('Failed to fetch');
    return new Response(text);
  };
  const caches = {
    open: async () => {
      may('open');
      return cache;
    },
    keys: async () => [],
  };
  vm.runInNewContext(CODE, {
    self: scope,
    caches,
    fetch: fetchFile,
    crypto,
    Response,
    Headers,
    URL,
    Uint8Array,
    Error,
    Promise,
    decodeURI,
  });
  return {
    store,
    /** @param {string} name @returns {Promise<Response>} */
    async get(name) {
      /** @type {Promise<Response> | undefined} */
      let answer;
      /** @type {Promise<unknown>[]} */
      const later = [];
      listeners.get('fetch')?.({
        request: new Request(SCOPE + name),
        respondWith: (/** @type {Promise<Response>} */ response) => (answer = response),
        waitUntil: (/** @type {Promise<unknown>} */ work) => later.push(work),
      });
      assert.ok(answer, `${name} is left to the browser`);
      const response = await answer;
      const copy = response.clone();
      await copy.text(); // a copy that is kept is complete when the page has it
      await Promise.all(later); // a rejection here would be reported as the worker's fault
      return response;
    },
  };
}

/** @type {Failing[]} */
const PARTS = ['open', 'match', 'read', 'delete', 'put', 'nothing'];

for (const failing of PARTS) {
  for (const [state, kept] of /** @type {[string, Record<string, string>][]} */ ([
    ['empty', {}],
    ['intact', FILES],
    ['damaged', { 'index.html': 'dam', 'model.bin': 'aged' }],
  ])) {
    test(`a store that is ${state} and fails at "${failing}"`, async () => {
      for (const [name, text] of Object.entries(FILES)) {
        const response = await start(failing, kept, FILES).get(name);
        assert.equal(response.status, 200);
        assert.equal(await response.text(), text);
      }
    });
  }
}

test('without a network what is kept is given out, and what is not kept is said not to be there', async () => {
  const whole = start('nothing', FILES, {});
  assert.equal(await (await whole.get('index.html')).text(), FILES['index.html']);
  const empty = start('nothing', {}, {});
  assert.equal((await empty.get('index.html')).status, 503);
});

test('what the network gives is kept for later, unless it is another file', async () => {
  const first = start('nothing', {}, FILES);
  await first.get('index.html');
  await first.get('model.bin');
  assert.deepEqual([...first.store.values()].sort(), Object.values(FILES).sort());
  const other = start('nothing', {}, { 'model.bin': 'another' });
  assert.equal(await (await other.get('model.bin')).text(), 'another');
  assert.equal(other.store.size, 0);
});
