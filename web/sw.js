// SPDX-License-Identifier: MIT
// The service worker: the page without a network. Every file it keeps has the SHA-256 that the list
// of its version names: checked before it is kept and each time it is given out, so what was cut
// short or damaged is fetched again. One version is one cache, filled completely before it is used;
// another version takes over when the page says so or is closed: files of two are never mixed.
/** The global scope, a ServiceWorkerGlobalScope. */
const worker = /** @type {any} */ (self);

worker.importScripts('sw-files.js'); // sets SITE; made by site_files.mjs

/** @type {{version: string, needed: Record<string, string>, onDemand: Record<string, string>}} */
const SITE = worker.SITE;
const SCOPE = worker.registration.scope;
const PREFIX = `vit158 ${SCOPE} `;
const CACHE = PREFIX + SITE.version;
const HASHES = { ...SITE.needed, ...SITE.onDemand };
/** Few: a browser has six connections to a site, and the page is using them. */
const AT_ONCE = 2;

worker.addEventListener('install', (/** @type {any} */ event) => event.waitUntil(fill()));
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(dropOthers()));
worker.addEventListener('message', (/** @type {MessageEvent} */ { data }) => {
  if (data === 'take over') worker.skipWaiting();
});
worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { request } = event;
  const name = nameOf(request.url);
  if (request.method === 'GET' && Object.hasOwn(HASHES, name)) event.respondWith(answer(event, name));
});

/** @param {string} url @returns {string} the file's name in the site */
function nameOf(url) {
  if (!url.startsWith(SCOPE)) return '';
  return decodeURI(new URL(url).pathname.slice(new URL(SCOPE).pathname.length)) || 'index.html';
}

/** Everything that is needed offline, from caches before or from the network. */
async function fill() {
  const cache = await caches.open(CACHE);
  const names = Object.keys(SITE.needed);
  const work = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const url = SCOPE + name;
      const kept = (await intact(name, await cache.match(url))) ?? (await fromOthers(name));
      await cache.put(url, kept ?? (await fetchIntact(name)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** @param {string} name @returns {Promise<Response | null>} the same file in another version's cache */
async function fromOthers(name) {
  for (const other of await caches.keys()) {
    if (!other.startsWith(PREFIX) || other === CACHE) continue;
    const found = await intact(name, await (await caches.open(other)).match(SCOPE + name));
    if (found) return found;
  }
  return null;
}

async function dropOthers() {
  for (const other of await caches.keys()) if (other.startsWith(PREFIX) && other !== CACHE) await caches.delete(other);
}

/**
 * @param {any} event a FetchEvent
 * @param {string} name
 * @returns {Promise<Response>}
 */
async function answer(event, name) {
  /** @type {Cache} */
  let cache;
  try {
    cache = await caches.open(CACHE);
    const kept = await cache.match(SCOPE + name);
    const good = await intact(name, kept);
    if (good) return good;
    if (kept) await cache.delete(SCOPE + name);
  } catch {
    // The store is broken (a full or failing disk): as if there were no service worker.
    return fetch(event.request);
  }
  if (Object.hasOwn(SITE.onDemand, name)) return passOn(event, name, cache);
  try {
    const fresh = await fetchIntact(name);
    event.waitUntil(cache.put(SCOPE + name, fresh.clone()).catch(() => {})); // no room: not kept
    return fresh;
  } catch (error) {
    worker.registration.update().catch(() => {});
    const { message } = /** @type {Error} */ (error);
    return new Response(`${message}\n`, { status: 503, statusText: 'Not available offline' });
  }
}

/**
 * A large file goes to the page as it arrives; a copy is kept if it turns out whole.
 * @param {any} event
 * @param {string} name
 * @param {Cache} cache
 * @returns {Promise<Response>}
 */
async function passOn(event, name, cache) {
  const response = await fetch(event.request);
  if (!response.ok) return response;
  event.waitUntil(keep(name, response.clone(), cache).catch(() => {})); // cut short, or no room
  return response;
}

/**
 * @param {string} name
 * @param {Response} response
 * @param {Cache} cache
 */
async function keep(name, response, cache) {
  const whole = await intact(name, response);
  if (whole) await cache.put(SCOPE + name, whole);
}

/**
 * Past the browser's own cache if that has something else.
 * @param {string} name
 * @returns {Promise<Response>}
 */
async function fetchIntact(name) {
  for (const cache of /** @type {const} */ (['no-cache', 'reload'])) {
    const response = await fetch(SCOPE + name, { cache });
    if (!response.ok) throw new Error(`${name} answered ${response.status}`);
    const whole = await intact(name, response).catch(() => null);
    if (whole) return whole;
  }
  throw new Error(`${name} is not the file of version ${SITE.version}`);
}

/**
 * @param {string} name
 * @param {Response | undefined} response
 * @returns {Promise<Response | null>} with the bytes that were checked; null if they are others
 */
async function intact(name, response) {
  if (!response) return null;
  const bytes = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hash !== HASHES[name]) return null;
  const headers = new Headers(response.headers);
  headers.delete('content-encoding'); // the bytes are unpacked
  headers.set('content-length', String(bytes.byteLength));
  return new Response(bytes, { headers });
}
