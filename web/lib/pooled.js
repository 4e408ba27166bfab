// SPDX-License-Identifier: MIT
/**
 * A classifier whose work is done by workers, each with the model in a memory of its own: the same
 * calls as Classifier, the calling thread stays free, and several pictures run at once. A call goes
 * to the worker with the fewest calls waiting.
 */
import { onAbort } from './abort.js';
import { Vit158Error, messageOf } from './errors.js';
import { makeBitmap, readPicture } from './image_input.js';
import { loadWasm, wasmParts } from './load_wasm.js';
import { Pace } from './pace.js';
import { DISPOSE, hasFiles } from './platform.js';
import { unpackError } from './protocol.js';
import { baseName, collect, isA, isPath, openSource, refusePage, isByteSource } from './source.js';
import { openWorker } from './workers.js';

/** @typedef {import('./vit158.d.ts').LoadOptions} LoadOptions */
/** @typedef {import('./vit158.d.ts').RunOptions} RunOptions */
/** @typedef {import('./vit158.d.ts').ImageInput} ImageInput */
/** @typedef {{resolve: (value: any) => void, reject: (error: unknown) => void}} Waiting */

const MOST_WORKERS = 64;

/** One worker and the calls it has not answered. */
class Member {
  /** @type {Map<number, Waiting>} */
  waiting = new Map();
  /** Why it takes no more calls. @type {import('./protocol.js').PackedError | undefined} */
  dead;
  #handle;

  /** @param {import('./workers.js').WorkerHandle} handle @param {(info: any) => void} onInfo */
  constructor(handle, onInfo) {
    this.#handle = handle;
    handle.onMessage(({ id, value, error, info }) => {
      if (info) onInfo(info);
      const call = this.waiting.get(id);
      this.waiting.delete(id);
      handle.hold(this.waiting.size > 0);
      if (error) call?.reject(error);
      else call?.resolve(value);
    });
    handle.onError((error) => this.fail('E_THREAD', `a worker died: ${messageOf(error)}`));
  }

  /**
   * @param {number} id
   * @param {object} message
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>} rejected with a packed error, or E_INPUT for what cannot be posted
   */
  ask(id, message, transfer) {
    if (this.dead) return Promise.reject(this.dead);
    return new Promise((resolve, reject) => {
      try {
        this.#handle.post(message, transfer);
      } catch (error) {
        const why = `this cannot be sent to a worker: ${messageOf(error)}`;
        throw new Vit158Error('E_INPUT', why, { cause: error });
      }
      this.waiting.set(id, { resolve, reject });
      this.#handle.hold(true);
    });
  }

  /** @param {object} message */
  tell(message) {
    this.#handle.post(message);
  }

  /**
   * Ends the worker; what it was doing fails.
   * @param {import('./vit158.d.ts').ErrorCode} code
   * @param {string} message
   */
  fail(code, message) {
    this.dead ??= { code, message };
    this.#handle.end();
    for (const { reject } of this.waiting.values()) reject(this.dead);
    this.waiting.clear();
  }
}

export class PooledClassifier {
  #members;
  #info;
  #labels;
  #name;
  #nextId = 1;
  #disposed = false;

  /** @param {Member[]} members @param {{last: any}} info @param {string[]} labels @param {string} name */
  constructor(members, info, labels, name) {
    this.#members = members;
    this.#info = info;
    this.#labels = labels;
    this.#name = name;
  }

  /**
   * @param {import('./vit158.d.ts').ByteSource} source
   * @param {LoadOptions} options
   */
  static async load(source, options) {
    const count = options.worker === true ? 1 : Number(options.worker);
    if (!(Number.isInteger(count) && count >= 1 && count <= MOST_WORKERS))
      throw new Vit158Error(
        'E_ARGUMENT',
        `worker must be true or 1 to ${MOST_WORKERS}, not ${options.worker}`,
      );
    const { signal, onProgress, worker, newWorker, ...rest } = options;
    const { bytes, name } = await portableModel(await source, signal, onProgress);
    const posted = { ...rest, threads: rest.threads ?? (count > 1 ? 1 : 'auto'), wasm: await portableWasm(options) };
    const info = { last: undefined };
    const url = new URL('./worker.js', import.meta.url);
    /** @type {Member[]} */
    const members = [];
    /** Why there is to be no pool. @type {import('./protocol.js').PackedError | undefined} */
    let ended;
    const end = (/** @type {import('./vit158.d.ts').ErrorCode} */ code, /** @type {string} */ message) => {
      ended ??= { code, message };
      for (const member of members) member.fail(code, message);
    };
    if (signal?.aborted)
      throw unpackError({ code: 'E_ABORT', message: 'aborted before the workers started' }, signal);
    const stopListening = onAbort(signal, () => end('E_ABORT', 'aborted while loading the model'));
    try {
      const loads = Array.from({ length: count }, async (_, i) => {
        const handle = await openWorker(
          url,
          () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
          newWorker,
        );
        const member = new Member(handle, (latest) => (info.last = latest));
        members.push(member);
        if (ended) member.fail(ended.code, ended.message); // while it opened
        const own = typeof bytes === 'string' || i === count - 1 ? bytes : bytes.slice();
        const transfer = typeof own === 'string' ? [] : [own.buffer];
        return member.ask(0, { type: 'load', bytes: own, options: posted }, transfer);
      });
      const [labels] = await Promise.all(loads);
      if (ended) throw ended;
      return new PooledClassifier(members, info, labels, name);
    } catch (error) {
      end('E_STATE', 'loading has failed');
      if (error instanceof Error)
        throw new Vit158Error('E_THREAD', `starting a worker: ${messageOf(error)}`, { cause: error });
      throw unpackError(/** @type {any} */ (error), signal);
    } finally {
      stopListening();
    }
  }

  /** @param {ImageInput} image @param {import('./vit158.d.ts').ClassifyOptions} [options] */
  async classify(image, options = {}) {
    return this.#call('classify', (pace) => portableImage(image, pace), options);
  }

  /** @param {ArrayLike<number>} tensor @param {RunOptions} [options] */
  async forward(tensor, options = {}) {
    return this.#call('forward', async () => ownBuffer(Float32Array.from(tensor)), options);
  }

  /** @param {ImageInput} image @param {RunOptions} [options] */
  async embed(image, options = {}) {
    return this.#call('embed', (pace) => portableImage(image, pace), options);
  }

  /** @param {ImageInput} image @param {RunOptions} [options] */
  async preprocess(image, options = {}) {
    return this.#call('preprocess', (pace) => portableImage(image, pace), options);
  }

  /** @returns {import('./vit158.d.ts').Info} */
  info() {
    return { ...this.#info.last, name: this.#name, workers: this.#members.length };
  }

  labels() {
    return [...this.#labels];
  }

  dispose() {
    this.#disposed = true;
    for (const member of this.#members)
      member.fail('E_STATE', 'the classifier has been disposed of');
  }

  [DISPOSE]() {
    this.dispose();
  }

  /**
   * @param {import('./protocol.js').CallMessage['method']} method
   * @param {(pace: Pace) => Promise<Posted>} prepare
   * @param {RunOptions} callOptions
   */
  async #call(method, prepare, { signal, deadlineMs, ...others }) {
    const pace = new Pace({ signal, deadlineMs });
    const { input, transfer } = await prepare(pace);
    pace.check('before the start');
    if (this.#disposed) throw new Vit158Error('E_STATE', 'the classifier has been disposed of');
    const member = this.#leastLoaded();
    const id = this.#nextId++;
    const stopListening = onAbort(signal, () => member.tell({ type: 'abort', id }));
    try {
      const abortable = signal !== undefined;
      const options = { ...others, deadlineMs: pace.leftMs };
      return await member.ask(id, { type: 'call', id, method, input, options, abortable }, transfer);
    } catch (error) {
      throw error instanceof Error ? error : unpackError(/** @type {any} */ (error), signal);
    } finally {
      stopListening();
    }
  }

  #leastLoaded() {
    const alive = this.#members.filter((member) => !member.dead);
    if (alive.length === 0) throw new Vit158Error('E_THREAD', 'every worker has died');
    return alive.reduce((best, member) =>
      member.waiting.size < best.waiting.size ? member : best,
    );
  }
}

/** @typedef {{input: any, transfer: Transferable[]}} Posted */

/** @param {ArrayBufferView} view of a buffer that nobody else holds @returns {Posted} */
function ownBuffer(view) {
  return { input: view, transfer: [/** @type {ArrayBuffer} */ (view.buffer)] };
}

/**
 * A picture as something that can be posted. What the caller holds stays the caller's: pixels are
 * copied, elements are drawn into a bitmap.
 * @param {ImageInput} image
 * @param {Pace} pace says how long to wait for it
 * @returns {Promise<Posted>}
 */
async function portableImage(image, pace) {
  const given = /** @type {any} */ (await pace.wait(image, 'while waiting for the picture'));
  if (typeof given === 'string' && hasFiles()) return { input: given, transfer: [] };
  if (isA('Blob', given)) return { input: given, transfer: [] };
  if (isByteSource(given)) return ownBuffer((await readPicture(given, pace)).bytes.slice());
  if (isA('VideoFrame', given)) {
    const frame = given.clone();
    return { input: frame, transfer: [frame] };
  }
  if (ArrayBuffer.isView(given?.data)) {
    const { data, width, height } = given;
    const copy = data.slice();
    return { input: { data: copy, width, height }, transfer: [copy.buffer] };
  }
  if (typeof createImageBitmap !== 'function')
    return { input: given, transfer: [] }; // the worker says what is wrong with it
  const bitmap = await makeBitmap(given);
  return { input: bitmap, transfer: [bitmap] };
}

/**
 * A path stays one: each worker reads the file straight into its engine, and nobody holds a copy.
 * @param {Awaited<import('./vit158.d.ts').ByteSource>} source
 * @param {AbortSignal} [signal]
 * @param {LoadOptions['onProgress']} [onProgress] to see progress, it is read here
 * @returns {Promise<{bytes: Uint8Array | string, name: string}>}
 */
async function portableModel(source, signal, onProgress) {
  if (!onProgress && (typeof source === 'string' || source instanceof URL) && isPath(String(source)))
    return { bytes: String(source), name: baseName(String(source)) };
  return readModel(source, signal, onProgress);
}

/**
 * @param {import('./vit158.d.ts').ByteSource} source
 * @param {AbortSignal} [signal]
 * @param {LoadOptions['onProgress']} [onProgress]
 */
async function readModel(source, signal, onProgress) {
  const stream = await openSource(source, signal);
  try {
    const total = stream.expected;
    onProgress?.({ loaded: 0, total });
    let first = true;
    const bytes = await collect(stream, (loaded, chunk) => {
      if (first) refusePage(stream.name, chunk);
      first = false;
      onProgress?.({ loaded, total });
    });
    return { bytes, name: baseName(stream.path) };
  } finally {
    await stream.close();
  }
}

/**
 * Modules can be posted; compiled here they are compiled once, and an error names their source.
 * @param {LoadOptions} options
 */
async function portableWasm({ wasm, engine: variant }) {
  if (wasm === undefined) return undefined;
  const { engine, threads, decoder } = wasmParts(await wasm);
  return {
    engine: engine && (await loadWasm(variant === 'scalar' ? 'scalar' : 'simd128', engine)),
    threads: threads && (await loadWasm('threads', threads)),
    decoder: decoder && (await loadWasm('decode', decoder)),
  };
}
