// SPDX-License-Identifier: MIT
/**
 * A classifier whose work is done by workers, each with the model in a memory of its own: the same
 * calls as Classifier, the calling thread stays free, and several images run at once. A call goes
 * to the worker with the fewest calls waiting.
 */
import { onAbort } from './abort.js';
import { asFloats } from './classifier.js';
import { Vit158Error, asCall, isVit158Error, messageOf, strangeThis, wrapErrors } from './errors.js';
import { OTHER_ORIGIN, isDrawable, makeBitmap, notAnImage, readImage, whenDrawable } from './image_input.js';
import { bytesOf, isA, isPlainObject, isUrl } from './kinds.js';
import { loadWasm, wasmParts } from './load_wasm.js';
import { sizedModel } from './model_stream.js';
import { checkOptions } from './options.js';
import { Pace } from './pace.js';
import { DISPOSE, hasFiles } from './platform.js';
import { unpackError } from './protocol.js';
import { baseName, collect, isByteSource, isPath, openModel, refuseNoModel, settled } from './source.js';
import { openWorker, workerProblem } from './workers.js';

/** @typedef {import('./options.js').Given<import('./vit158.d.ts').LoadOptions>} LoadOptions */
/** @typedef {import('./vit158.d.ts').RunOptions} RunOptions */
/** @typedef {import('./vit158.d.ts').MergeOptions} MergeOptions */
/** @typedef {import('./vit158.d.ts').ImageInput} ImageInput */
/** @typedef {{resolve: (value: any) => void, reject: (error: unknown) => void}} Waiting */

/**
 * How long past its end a call waits for its worker to say so: the engine looks up between steps,
 * decoding does not.
 */
const GRACE_MS = 35;

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
    handle.onError((error) => this.fail('E_THREAD', `a worker died: ${workerProblem(error)}`));
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
        const hint = /origin-clean/.test(messageOf(error)) ? OTHER_ORIGIN : '';
        const why = `this cannot be sent to a worker: ${messageOf(error)}${hint}`;
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
  #start;
  #nextId = 1;
  #disposed = false;
  /** Workers that take the places of those that were ended. @type {Promise<unknown>} */
  #starting = Promise.resolve();

  /**
   * @param {Member[]} members
   * @param {() => Promise<Member>} start makes another one
   * @param {{last: any}} info
   * @param {string[]} labels
   * @param {string} name
   */
  constructor(members, start, info, labels, name) {
    this.#members = members;
    this.#start = start;
    this.#info = info;
    this.#labels = labels;
    this.#name = name;
  }

  /**
   * @param {import('./vit158.d.ts').ByteSource} source
   * @param {LoadOptions} options that checkOptions has seen
   */
  static async load(source, options) {
    const count = Number(options.worker);
    const { signal, onProgress, worker, newWorker, ...rest } = options;
    const { bytes, name, from } = await portableModel(await settled(source, 'the source'), signal, onProgress);
    const posted = { ...rest, threads: rest.threads ?? (count > 1 ? 1 : 'auto'), wasm: await portableWasm(options) };
    const info = { last: undefined };
    /** For workers that are started later; the bytes themselves go to the first ones. */
    const kept = typeof bytes === 'string' ? bytes : new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)]);
    const open = async () => {
      const handle = await openWorker(
        new URL('./worker.js', import.meta.url),
        () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
        newWorker,
      );
      return new Member(handle, (latest) => (info.last = latest));
    };
    const loadInto = (/** @type {Member} */ member, /** @type {Uint8Array | string} */ own) =>
      member.ask(0, { type: 'load', bytes: own, options: posted }, typeof own === 'string' ? [] : [own.buffer]);
    /** @type {Member[]} */
    const members = [];
    /** Why there is to be no pool. @type {import('./protocol.js').PackedError | undefined} */
    let ended;
    const end = (/** @type {import('./vit158.d.ts').ErrorCode} */ code, /** @type {string} */ message) => {
      ended ??= { code, message };
      for (const member of members) member.fail(code, message);
    };
    if (signal?.aborted) throw unpackError({ code: 'E_ABORT', message: 'aborted before the workers started' }, signal);
    const stopListening = onAbort(signal, () => end('E_ABORT', 'aborted while loading the model'));
    try {
      const loads = Array.from({ length: count }, async (_, i) => {
        const member = await open();
        members.push(member);
        if (ended) member.fail(ended.code, ended.message); // while it opened
        return loadInto(member, typeof bytes === 'string' || i === count - 1 ? bytes : bytes.slice());
      });
      const [labels] = await Promise.all(loads);
      if (ended) throw ended;
      const start = async () => {
        const member = await open();
        await loadInto(member, typeof kept === 'string' ? kept : new Uint8Array(await kept.arrayBuffer()));
        return member;
      };
      return new PooledClassifier(members, start, info, labels, name);
    } catch (error) {
      end('E_STATE', 'loading has failed');
      if (!isPacked(error))
        throw new Vit158Error('E_THREAD', `starting a worker: ${workerProblem(error)}`, { cause: error });
      throw unpackError({ ...error, message: error.message.replace(/^the buffer given/, from) }, signal);
    } finally {
      stopListening();
    }
  }

  /** @param {ImageInput} image @param {import('./vit158.d.ts').ClassifyOptions | null} [options] */
  async classify(image, options) {
    return PooledClassifier.#call(this, 'classify', (pace) => portableImage(image, pace), options);
  }

  /** @param {ArrayLike<number>} tensor @param {MergeOptions | null} [options] */
  async forward(tensor, options) {
    return PooledClassifier.#call(this, 'forward', async () => ownBuffer(Float32Array.from(asFloats(tensor))), options);
  }

  /** @param {ImageInput} image @param {MergeOptions | null} [options] */
  async embed(image, options) {
    return PooledClassifier.#call(this, 'embed', (pace) => portableImage(image, pace), options);
  }

  /** @param {ImageInput} image @param {RunOptions | null} [options] */
  async preprocess(image, options) {
    return PooledClassifier.#call(this, 'preprocess', (pace) => portableImage(image, pace), options);
  }

  /** @returns {Promise<import('./vit158.d.ts').Inspection>} */
  async inspect() {
    return PooledClassifier.#call(this, 'inspect', async () => ({ input: undefined, transfer: [] }));
  }

  /** @returns {import('./vit158.d.ts').Info} */
  info() {
    PooledClassifier.#own(this, 'info');
    return { ...this.#info.last, name: this.#name, workers: this.#members.length };
  }

  labels() {
    PooledClassifier.#own(this, 'labels');
    return [...this.#labels];
  }

  dispose() {
    const self = PooledClassifier.#own(this, 'dispose', true);
    self.#disposed = true;
    for (const member of self.#members) member.fail('E_STATE', 'the classifier has been disposed of');
  }

  [DISPOSE]() {
    this.dispose();
  }

  /**
   * The `this` of a method, if it is one that can be used.
   * @param {unknown} self
   * @param {string} call
   * @param {boolean} [ends] the method, so that it may be disposed of already
   */
  static #own(self, call, ends) {
    if (!(#disposed in Object(self))) throw strangeThis(call);
    const own = /** @type {PooledClassifier} */ (self);
    if (!ends) own.#checkAlive();
    return own;
  }

  /**
   * @param {unknown} self
   * @param {import('./protocol.js').CallMessage['method']} method
   * @param {(pace: Pace) => Promise<Posted>} prepare
   * @param {import('./vit158.d.ts').ClassifyOptions | null} [options]
   */
  static #call(self, method, prepare, options) {
    return asCall(method, () =>
      PooledClassifier.#own(self, method).#ask(method, prepare, checkOptions(method, options)),
    );
  }

  /**
   * @param {import('./protocol.js').CallMessage['method']} method
   * @param {(pace: Pace) => Promise<Posted>} prepare
   * @param {import('./options.js').Given<import('./vit158.d.ts').ClassifyOptions>} options
   */
  async #ask(method, prepare, { signal, deadlineMs, ...others }) {
    const pace = new Pace({ signal, deadlineMs });
    const { input, transfer } = await prepare(pace);
    pace.check('before the start');
    this.#checkAlive(); // disposed of in the meantime
    const member = await this.#leastLoaded();
    const id = this.#nextId++;
    const stopListening = onAbort(signal, () => member.tell({ type: 'abort', id }));
    try {
      const abortable = signal !== undefined;
      const options = { ...others, deadlineMs: pace.leftMs };
      const answer = member.ask(id, { type: 'call', id, method, input, options, abortable }, transfer);
      return await this.#answerInTime(member, answer, pace);
    } catch (error) {
      throw isPacked(error) ? unpackError(error, signal) : error;
    } finally {
      stopListening();
    }
  }

  #checkAlive() {
    if (this.#disposed) throw new Vit158Error('E_STATE', 'the classifier has been disposed of');
  }

  /**
   * The answer of a worker. One that does not answer soon after the caller wants no more is busy
   * with something that cannot be interrupted, so it is ended and replaced; unless other calls wait
   * for it, which then wait until it is through.
   * @param {Member} member
   * @param {Promise<any>} answer
   * @param {Pace} pace
   */
  async #answerInTime(member, answer, pace) {
    try {
      return await pace.wait(answer, 'while a worker was busy with it');
    } catch (error) {
      if (!isVit158Error(error) || error.code !== 'E_ABORT') throw error;
      // The worker's own refusal says where it stopped.
      const late = await Promise.race([
        answer.then(() => false),
        new Promise((resolve) => setTimeout(resolve, GRACE_MS, true)),
      ]);
      if (late && member.waiting.size === 1 && !member.dead) this.#replace(member);
      throw error;
    }
  }

  /** @param {Member} member */
  #replace(member) {
    member.fail('E_ABORT', 'ended while it was busy');
    this.#starting = Promise.all([this.#starting, this.#start()]).then(
      ([, fresh]) => {
        this.#members[this.#members.indexOf(member)] = fresh;
        if (this.#disposed) this.dispose();
      },
      () => {},
    ); // then there is one worker less
  }

  async #leastLoaded() {
    if (this.#members.every(({ dead }) => dead)) await this.#starting;
    this.#checkAlive();
    const alive = this.#members.filter((member) => !member.dead);
    if (alive.length === 0) throw new Vit158Error('E_THREAD', 'every worker has died');
    return alive.reduce((best, member) => (member.waiting.size < best.waiting.size ? member : best));
  }
}

/**
 * True for what a worker answered or died of, false for errors made here, of whose `code` Node has its own.
 * @param {unknown} error
 * @returns {error is import('./protocol.js').PackedError}
 */
const isPacked = (error) => isPlainObject(error) && typeof (/** @type {any} */ (error).code) === 'string';

/** @typedef {{input: any, transfer: Transferable[]}} Posted */

/** @param {ArrayBufferView} view of a buffer that nobody else holds @returns {Posted} */
function ownBuffer(view) {
  return { input: view, transfer: [/** @type {ArrayBuffer} */ (view.buffer)] };
}

/**
 * An image as something that can be posted. What the caller holds stays the caller's: pixels are
 * copied, elements are drawn into a bitmap.
 * @param {ImageInput} image
 * @param {Pace} pace says how long to wait for it
 * @returns {Promise<Posted>}
 */
async function portableImage(image, pace) {
  const waiting = 'while waiting for the image';
  const given = /** @type {any} */ (await pace.wait(settled(image, 'the image'), waiting));
  if (typeof given === 'string' && hasFiles()) return { input: given, transfer: [] };
  if (isA('Blob', given) && !hasFiles()) return { input: given, transfer: [] }; // in Node it may be jsdom's
  if (isByteSource(given)) return ownBuffer((await readImage(given, pace)).bytes.slice());
  if (isA('VideoFrame', given)) {
    const frame = await wrapErrors('E_INPUT', 'the VideoFrame cannot be read', () => given.clone());
    return { input: frame, transfer: [frame] };
  }
  if (ArrayBuffer.isView(given?.data)) {
    const { data, width, height } = given;
    bytesOf(data, 'the pixels given'); // or they are gone
    const copy = /** @type {any} */ (data).slice();
    return { input: { data: copy, width, height }, transfer: [copy.buffer] };
  }
  if (!isDrawable(given)) throw notAnImage(given);
  await pace.wait(whenDrawable(given), waiting);
  const bitmap = await makeBitmap(given);
  return { input: bitmap, transfer: [bitmap] };
}

/**
 * A path stays one: each worker reads the file straight into its engine, and nobody holds a copy.
 * @param {Awaited<import('./vit158.d.ts').ByteSource>} source
 * @param {AbortSignal} [signal]
 * @param {LoadOptions['onProgress']} [onProgress] to see progress, it is read here
 * @returns {Promise<{bytes: Uint8Array | string, name: string, from: string}>} from: what messages call it
 */
async function portableModel(source, signal, onProgress) {
  if (!onProgress && (typeof source === 'string' || isUrl(source)) && isPath(String(source)))
    return { bytes: String(source), name: baseName(String(source)), from: String(source) };
  return readModel(source, signal, onProgress);
}

/**
 * @param {import('./vit158.d.ts').ByteSource} source
 * @param {AbortSignal} [signal]
 * @param {LoadOptions['onProgress']} [onProgress]
 */
async function readModel(source, signal, onProgress) {
  const opened = await openModel(source, signal);
  try {
    const stream = await sizedModel(opened, onProgress);
    await refuseNoModel(stream.name, stream.start);
    const bytes = await collect(stream, () => {});
    return { bytes, name: baseName(stream.path), from: stream.name };
  } finally {
    await opened.close();
  }
}

/**
 * Modules can be posted; compiled here they are compiled once, and an error names their source.
 * @param {LoadOptions} options
 */
async function portableWasm({ wasm, engine: variant }) {
  if (wasm === undefined) return undefined;
  const { engine, threads, decoder, webp } = wasmParts(await settled(wasm, 'the modules'));
  return {
    engine: engine && (await loadWasm(variant === 'scalar' ? 'scalar' : 'simd128', engine)),
    threads: threads && (await loadWasm('threads', threads)),
    decoder: decoder && (await loadWasm('decode', decoder)),
    webp: webp && (await loadWasm('webp', webp)),
  };
}
