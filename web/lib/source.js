// SPDX-License-Identifier: MIT
/**
 * A file from anywhere as a stream of bytes: URL, path (Node), Blob or File, buffer, Response. The
 * stream is pulled chunk by chunk, knows its length where that can be trusted, and ends at once
 * when its signal is aborted. What reads paths is loaded only for one: browsers have none.
 */
import { onAbort } from './abort.js';
import { Vit158Error, messageOf, wrapErrors } from './errors.js';
import { bytesOf, describe, isA, isBuffer, isUrl } from './kinds.js';
import { hasFiles } from './platform.js';

/** @typedef {import('./vit158.d.ts').ByteSource} ByteSource */

/**
 * @typedef {object} ByteStream
 * @property {string} name of the source for messages
 * @property {string} path or address it has, "" if none
 * @property {number} length exact number of bytes, 0 if unknown
 * @property {number} announced number of bytes as a server announces it, which may count compressed
 *   bytes or be wrong: only a hint; 0 if unknown
 * @property {() => Promise<Uint8Array | undefined>} pull the next chunk (valid until the next pull),
 *   undefined at the end
 * @property {() => Promise<void>} close ends it early or late; never fails
 */

/** Read at a time. */
export const CHUNK_BYTES = 1 << 20;
/**
 * Room for a file of announced length before any of it has come: a ViT-L fits, and a server that
 * announces what it does not send costs no more.
 */
const MAX_FIRST_BYTES = 1 << 26;

/** More is not read into memory at once: images and modules are far smaller. */
const MAX_WHOLE_BYTES = 1 << 30;

/**
 * @param {ByteSource} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<ByteStream>}
 */
export async function openSource(source, signal) {
  const given = await settled(source, 'the source');
  const stream = await openAny(given, signal);
  const check = () => {
    if (signal?.aborted)
      throw new Vit158Error('E_ABORT', `aborted while reading ${stream.name}`, {
        cause: signal.reason,
      });
  };
  const stop = () => void stream.close();
  const stopListening = onAbort(signal, stop);
  return {
    ...stream,
    async pull() {
      check();
      try {
        const chunk = await stream.pull();
        check();
        return chunk;
      } catch (error) {
        check(); // an abort shows itself as a failed read too
        throw error;
      }
    },
    async close() {
      stopListening();
      await stream.close();
    },
  };
}

/**
 * A model's bytes: as openSource, and in Node the names of shipped models besides. What knows them is
 * loaded there alone: a page has its own addresses.
 * @param {ByteSource} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<ByteStream>}
 */
export async function openModel(source, signal) {
  const given = await settled(source, 'the source');
  if (typeof given !== 'string' || !isPath(given)) return openSource(given, signal);
  const { shippedModel } = await import('./shipped.js');
  return openSource(await shippedModel(given), signal);
}

/**
 * What a caller's promise gives.
 * @template T
 * @param {T} value
 * @param {string} what for the message
 * @returns {Promise<Awaited<T>>}
 */
export function settled(value, what) {
  return wrapErrors('E_INPUT', `${what} given could not be had`, () => /** @type {any} */ (value));
}

/**
 * What is left of a stream, in one buffer.
 * @param {ByteStream} stream
 * @param {(loaded: number, chunk: Uint8Array) => void} onChunk before each chunk is kept
 */
export async function collect(stream, onChunk) {
  const first = stream.length || stream.announced || CHUNK_BYTES;
  let bytes = new Uint8Array(Math.min(first, MAX_FIRST_BYTES));
  let loaded = 0;
  for (let chunk = await stream.pull(); chunk; chunk = await stream.pull()) {
    const end = loaded + chunk.length;
    onChunk(end, chunk);
    if (end > bytes.length) {
      const wider = new Uint8Array(Math.max(end, 2 * bytes.length));
      wider.set(bytes.subarray(0, loaded));
      bytes = wider;
    }
    bytes.set(chunk, loaded);
    loaded = end;
  }
  return loaded === bytes.length ? bytes : bytes.slice(0, loaded);
}

/**
 * The whole of a source.
 * @param {ByteSource} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<{bytes: Uint8Array, name: string}>}
 */
export async function readWhole(source, signal) {
  const given = await settled(source, 'the source');
  if (isBuffer(given)) return { bytes: bytesOf(given), name: 'the buffer given' };
  const stream = await openSource(given, signal);
  try {
    const bytes = await collect(stream, (loaded) => {
      if (loaded > MAX_WHOLE_BYTES)
        throw new Vit158Error('E_LIMIT', `${stream.name} is larger than ${MAX_WHOLE_BYTES} bytes`);
    });
    return { bytes, name: stream.name };
  } finally {
    await stream.close();
  }
}

/**
 * Refuses what begins as no model does, with advice.
 * @param {string} name of the model file
 * @param {Uint8Array} start of it; in a model the first eight bytes are a length, with zeros in it
 */
export async function refuseNoModel(name, start) {
  if (start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0)) return;
  (await advice())?.refuseOthers(name, start);
}

/**
 * What knows other files than models, loaded only for one; nothing where nothing can be loaded, as in
 * service workers: the engine refuses such a file without advice.
 */
export const advice = () => import('./what_is.js').catch(() => undefined);

/** True for what openSource takes, strings included. @param {unknown} value */
export function isByteSource(value) {
  return typeof value === 'string' || isUrl(value) || isBuffer(value) || isA('Blob', value) || isA('Response', value);
}

/** True for what is a path or file: URL here. @param {string} where */
export function isPath(where) {
  return where !== '' && hasFiles() && !/^(https?|data|blob):/i.test(where);
}

/**
 * @param {Awaited<ByteSource>} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<ByteStream>}
 */
async function openAny(source, signal) {
  if (isBuffer(source)) return openBytes(bytesOf(source));
  if (isA('Blob', source)) return openBlob(/** @type {Blob} */ (source));
  if (isA('Response', source)) return openResponse(/** @type {Response} */ (source));
  if (typeof source !== 'string' && !isUrl(source))
    throw new Vit158Error('E_INPUT', `expected a URL, path, Blob, buffer or Response, got ${describe(source)}`);
  const where = String(source);
  if (where === '') throw new Vit158Error('E_INPUT', 'the address is empty');
  if (isPath(where)) return (await import('./files.js')).openFile(where);
  return openUrl(where, signal);
}

/** @param {Uint8Array} bytes @returns {ByteStream} */
function openBytes(bytes) {
  let at = 0;
  return {
    name: 'the buffer given',
    path: '',
    length: bytes.length,
    announced: 0,
    async pull() {
      if (at >= bytes.length) return undefined;
      const chunk = bytes.subarray(at, at + CHUNK_BYTES);
      at += chunk.length;
      return chunk;
    },
    async close() {
      at = bytes.length;
    },
  };
}

/** @param {Blob} blob @returns {Promise<ByteStream>} */
async function openBlob(blob) {
  const path = 'name' in blob ? String(blob.name) : '';
  const name = path || 'the Blob given';
  if (typeof blob.stream === 'function')
    return fromReader(blob.stream().getReader(), name, path, { length: blob.size }, 'E_IO');
  const whole = await wrapErrors('E_IO', `reading ${name}`, () => wholeBlob(blob));
  return { ...openBytes(bytesOf(whole)), name, path };
}

/** Blobs of jsdom and of old browsers have no streams. @param {Blob} blob @returns {Promise<ArrayBuffer>} */
function wholeBlob(blob) {
  if (typeof blob.arrayBuffer === 'function') return blob.arrayBuffer();
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {ArrayBuffer} */ (reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsArrayBuffer(blob);
  });
}

/**
 * @param {string} where
 * @param {AbortSignal} [signal]
 */
async function openUrl(where, signal) {
  let response;
  try {
    response = await fetch(where, { signal });
  } catch (error) {
    if (signal?.aborted) throw new Vit158Error('E_ABORT', `aborted while fetching ${where}`, { cause: error });
    const cause = /** @type {any} */ (error)?.cause;
    const why = messageOf(error) + (cause ? `: ${messageOf(cause)}` : '') + corsHint(where);
    throw new Vit158Error('E_NETWORK', `fetching ${where}: ${why}`, { cause: error });
  }
  return openResponse(response, where);
}

/** Browsers do not tell why another origin's file could not be had. @param {string} where */
function corsHint(where) {
  const here = globalThis.location?.origin;
  if (here === undefined || hasFiles()) return '';
  const origin = /^https?:\/\/[^/?#]+/i.exec(where)?.[0] ?? here;
  return origin.toLowerCase() === here
    ? ''
    : ' (it is of another origin: that must be up, and send Access-Control-Allow-Origin)';
}

/**
 * @param {Response} response
 * @param {string} [requested]
 * @returns {Promise<ByteStream>}
 */
async function openResponse(response, requested) {
  const name = response.url || requested || 'the Response given';
  const problem = problemOf(response);
  if (problem !== undefined) {
    if (!response.bodyUsed) response.body?.cancel().catch(() => {});
    throw new Vit158Error('E_NETWORK', `${name} ${problem}`);
  }
  // The header counts compressed bytes, and says nothing of compression to other origins; a Response
  // made anew (service workers do) does not even tell that it comes from one.
  const announced = response.headers.has('content-encoding')
    ? 0
    : Math.max(0, Number(response.headers.get('content-length') ?? 0) || 0);
  const body = /** @type {ReadableStream<Uint8Array>} */ (response.body);
  if (typeof body.getReader !== 'function') {
    // node-fetch and others
    const whole = await wrapErrors('E_NETWORK', `reading ${name}`, () => response.arrayBuffer());
    return { ...openBytes(bytesOf(whole)), name, path: response.url };
  }
  return fromReader(body.getReader(), name, response.url, { announced }, 'E_NETWORK');
}

/** Why it holds no file; undefined if it does. @param {Response} response */
function problemOf(response) {
  const type = response.headers.get('content-type') ?? '';
  if (response.type === 'opaque')
    return 'is opaque, fetched with mode "no-cors", so that nobody can read it: fetch it with CORS';
  if (response.type === 'error') return 'is a network error';
  if (!response.ok) return `answered ${response.status} ${response.statusText}`.trimEnd();
  if (response.bodyUsed) return 'has no body that can be read: it has been read before';
  if (response.body === null) return 'has no body that can be read';
  if (response.body.locked) return 'has no body that can be read: it is being read already';
  if (/^text\/html\b/i.test(type)) return `is a web page (${type}), not a file: is the address right?`;
  return undefined;
}

/**
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {string} name
 * @param {string} path
 * @param {{length?: number, announced?: number}} size
 * @param {'E_IO' | 'E_NETWORK'} code of failed reads
 * @returns {ByteStream}
 */
function fromReader(reader, name, path, { length = 0, announced = 0 }, code) {
  let loaded = 0;
  return {
    name,
    path,
    length,
    announced,
    pull: () =>
      wrapErrors(code, `reading ${name} after ${loaded} bytes`, async () => {
        const { value, done } = await reader.read();
        if (done) return undefined;
        if (!isBuffer(value)) throw new TypeError(`the stream gives ${describe(value)}, not bytes`);
        const bytes = bytesOf(value);
        loaded += bytes.length;
        return bytes;
      }),
    close: () => reader.cancel().catch(() => {}),
  };
}

/** "models/a.safetensors?x=1" gives "a". @param {string} where path or address */
export function baseName(where) {
  const path = where.replace(/[?#].*$/s, '');
  return path.slice(path.search(/[^/\\]*$/)).replace(/\.safetensors$/, '');
}
