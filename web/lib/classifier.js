// SPDX-License-Identifier: MIT
/**
 * One loaded model in this thread, ready to classify. Work on one Classifier is done one call after
 * the other; several Classifiers are independent of each other.
 */
import { Decoder } from './decoder.js';
import { bestVariant, hasSimd128 } from './detect.js';
import { Engine } from './engine.js';
import { Vit158Error, asCall, isNamed, strangeThis } from './errors.js';
import { FileHash } from './file_hash.js';
import { openImage } from './image_input.js';
import { bytesOf, describe, isBuffer } from './kinds.js';
import { loadWasm, wasmParts } from './load_wasm.js';
import { mergesOf } from './merges.js';
import { sizedModel } from './model_stream.js';
import { checkOptions } from './options.js';
import { Pace } from './pace.js';
import { DISPOSE } from './platform.js';
import { advice, baseName, openModel, refuseNoModel } from './source.js';
import { chooseThreads } from './threads.js';
import { VERSION } from './version.js';

/** @typedef {import('./vit158.d.ts').ImageInput} ImageInput */
/** @typedef {import('./vit158.d.ts').LoadOptions} LoadOptions */
/** @template T @typedef {import('./options.js').Given<T>} Given */
/** @typedef {import('./vit158.d.ts').RunOptions} RunOptions */
/** @typedef {import('./vit158.d.ts').MergeOptions} MergeOptions */
/** @typedef {import('./vit158.d.ts').ClassifyOptions} ClassifyOptions */
/** @typedef {import('./vit158.d.ts').Classification} Classification */
/** @typedef {import('./vit158.d.ts').Timing} Timing */
/** @typedef {{engine: 'auto' | 'scalar' | 'simd128', gemm: 'auto' | 'dot' | 'table'}} Kernels */

export class Classifier {
  #engine;
  #decoder;
  /** @type {Kernels} */
  #kernels;
  /** What the session is planned for: whether it keeps attention, and what it merges. */
  #planned;
  #model;
  /** Of a call that does not say. */
  #merge;
  #name;
  #sha256;
  #unsureBelow;
  /** Settles when the calls made so far have finished. @type {Promise<void>} */
  #tail = Promise.resolve();
  #disposed = false;

  /**
   * Use Classifier.load.
   * @param {Engine} engine with a model and a session
   * @param {Decoder} decoder
   * @param {Kernels} kernels
   * @param {string} name of the model
   * @param {string} sha256 of its file, "" if nobody asked
   * @param {string} merge what the session merges
   */
  constructor(engine, decoder, kernels, name, sha256, merge) {
    if (engine === undefined) throw new Vit158Error('E_ARGUMENT', 'Classifier.load makes a Classifier');
    this.#engine = engine;
    this.#decoder = decoder;
    this.#kernels = kernels;
    this.#model = engine.modelInfo();
    this.#merge = merge;
    this.#planned = { explain: false, merge, stepNames: engine.stepNames };
    this.#name = name;
    this.#sha256 = sha256;
    this.#unsureBelow = Number(engine.metadata().unsure ?? 0);
  }

  /**
   * @param {import('./vit158.d.ts').ByteSource} source
   * @param {LoadOptions | null} [options]
   * @returns {Promise<Classifier>}
   */
  static async load(source, options) {
    return asCall('load', () => Classifier.#load.call(this ?? Classifier, source, checkOptions('load', options)));
  }

  /**
   * @param {import('./vit158.d.ts').ByteSource} source
   * @param {Given<LoadOptions>} options
   */
  static async #load(source, options) {
    const { signal, onProgress, engine: wanted = 'auto', gemm = 'auto', threads = 'auto', merge = 'off' } = options;
    const pace = new Pace({ signal, eager: signal !== undefined || onProgress !== undefined });
    const wasm = wasmParts(options.wasm);
    if (wanted === 'simd128' && !hasSimd128())
      throw new Vit158Error('E_UNSUPPORTED', 'this engine runs no SIMD; use engine: "scalar"');
    const variant = wanted === 'auto' ? bestVariant() : wanted;
    const mayShare = variant === 'simd128' && (!wasm.engine || wasm.threads !== undefined);
    const alone = !mayShare || (await chooseThreads(threads, Infinity)) === 1;
    const module = alone ? loadWasm(variant, wasm.engine) : undefined;
    module?.catch(() => {}); // reported where it is awaited
    const opened = await openModel(source, signal);
    /** @type {Engine | undefined} */
    let engine;
    try {
      const stream = await sizedModel(opened, onProgress);
      const count = alone ? 1 : await chooseThreads(threads, stream.size);
      if (count > 1) engine = await startThreaded(count, stream, wasm.threads, threads === 'auto');
      engine ??= await Engine.create(await (module ?? loadWasm(variant, wasm.engine)));
      await fill(engine, stream, pace, options);
      const kernels = { engine: wanted, gemm };
      engine.plan({ ...kernels, explain: false, merge });
      return new this(
        engine,
        new Decoder({ decode: wasm.decoder, webp: wasm.webp }),
        kernels,
        baseName(stream.path),
        options.sha256?.toLowerCase() ?? '',
        merge,
      );
    } catch (error) {
      engine?.end();
      throw error;
    } finally {
      await opened.close();
    }
  }

  /**
   * @param {ImageInput} image
   * @param {ClassifyOptions | null} [options]
   * @returns {Promise<Classification>}
   */
  async classify(image, options) {
    return Classifier.#exclusive(this, 'classify', options, async (pace, checked) => {
      const {
        topK = 5,
        threshold = 0,
        explain = false,
        embedding = false,
        input = false,
        stepHashes = false,
        merge,
      } = checked;
      this.#plan(explain, merge);
      const timing = await this.#feed(image, pace);
      const tensor = input ? this.#tensor() : undefined; // the first step uses it up
      const hashes = stepHashes ? [{ name: 'preprocess', sha256: this.#engine.stateSha256() }] : undefined;
      await this.#run(pace, timing, hashes);
      const engine = this.#engine;
      const predictions = engine
        .topK(Math.min(topK, this.#model.classes))
        .filter(({ score }) => score >= threshold)
        .map(({ index, score }) => ({ label: engine.label(index), score, index }));
      return {
        predictions,
        unsure: engine.topK(1).some(({ score }) => score < this.#unsureBelow),
        timing,
        logits: engine.results('logits', this.#model.classes),
        logitsSha256: engine.stateSha256(),
        ...(hashes ? { stepHashes: hashes } : {}),
        ...(explain ? { attention: this.#attention() } : {}),
        ...(tensor ? { input: tensor } : {}),
        ...(embedding ? { embedding: engine.results('embedding', this.#model.embedding) } : {}),
      };
    });
  }

  /**
   * @param {ArrayLike<number>} tensor
   * @param {MergeOptions | null} [options]
   * @returns {Promise<Float32Array>}
   */
  async forward(tensor, options) {
    return Classifier.#exclusive(this, 'forward', options, async (pace, { merge }) => {
      this.#plan(this.#planned.explain, merge);
      this.#engine.setTensor(asFloats(tensor));
      await this.#run(pace, newTiming());
      const { classes, embedding } = this.#model;
      return classes > 0 ? this.#engine.results('logits', classes) : this.#engine.results('embedding', embedding);
    });
  }

  /**
   * @param {ImageInput} image
   * @param {MergeOptions | null} [options]
   * @returns {Promise<Float32Array>}
   */
  async embed(image, options) {
    return Classifier.#exclusive(this, 'embed', options, async (pace, { merge }) => {
      this.#plan(this.#planned.explain, merge);
      await this.#run(pace, await this.#feed(image, pace));
      return this.#engine.results('embedding', this.#model.embedding);
    });
  }

  /**
   * @param {ImageInput} image
   * @param {RunOptions | null} [options]
   * @returns {Promise<Float32Array>}
   */
  async preprocess(image, options) {
    return Classifier.#exclusive(this, 'preprocess', options, async (pace) => {
      await this.#feed(image, pace);
      return this.#tensor();
    });
  }

  /** The normalised image, between #feed and #run. */
  #tensor() {
    return this.#engine.results('tensor', this.#model.channels * this.#model.imageSize ** 2);
  }

  /** @returns {Promise<import('./vit158.d.ts').Inspection>} */
  async inspect() {
    return Classifier.#exclusive(this, 'inspect', undefined, async () => this.#engine.inspect());
  }

  /** @returns {import('./vit158.d.ts').Info} */
  info() {
    const engine = Classifier.#own(this, 'info').#engine;
    return {
      version: VERSION,
      numericsVersion: engine.numericsVersion,
      engine: engine.variant,
      gemm: this.#kernels.gemm,
      merge: mergesOf(this.#merge, engine.metadata()),
      threads: engine.threads,
      workers: 0,
      memoryBytes: engine.memoryBytes,
      sessionBytes: engine.sessionBytes,
      name: this.#name,
      sha256: this.#sha256,
      model: { ...this.#model },
      metadata: engine.metadata(),
    };
  }

  /** All labels in class order. @returns {string[]} */
  labels() {
    Classifier.#own(this, 'labels');
    return Array.from({ length: this.#model.classes }, (_, i) => this.#engine.label(i));
  }

  dispose() {
    const self = Classifier.#own(this, 'dispose', true);
    self.#disposed = true;
    self.#engine.end();
    self.#decoder.end();
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
    const own = /** @type {Classifier} */ (self);
    if (own.#disposed && !ends) throw new Vit158Error('E_STATE', 'the classifier has been disposed of');
    return own;
  }

  /**
   * Runs `work` after all calls made before.
   * @template T
   * @param {unknown} self
   * @param {'classify' | 'forward' | 'embed' | 'preprocess' | 'inspect'} call
   * @param {ClassifyOptions | null | undefined} options
   * @param {(pace: Pace, checked: Given<ClassifyOptions>) => Promise<T>} work
   * @returns {Promise<T>}
   */
  static #exclusive(self, call, options, work) {
    return asCall(call, () => Classifier.#own(self, call).#inTurn(checkOptions(call, options), work));
  }

  /**
   * @template T
   * @param {Given<ClassifyOptions>} options
   * @param {(pace: Pace, checked: Given<ClassifyOptions>) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #inTurn(options, work) {
    const pace = new Pace(options);
    const before = this.#tail;
    /** @type {() => void} */
    let finished = () => {};
    this.#tail = new Promise((resolve) => (finished = resolve));
    try {
      await pace.wait(before, 'while waiting for calls made before');
      return await work(pace, options);
    } finally {
      before.then(finished);
    }
  }

  /** @param {ImageInput} image @param {Pace} pace */
  async #feed(image, pace) {
    const timing = newTiming();
    const { rows, decodeMs } = await openImage(image, this.#decoder, pace);
    try {
      const rowBytes = rows.width * rows.channels;
      let start = performance.now();
      this.#engine.beginImage(rows.width, rows.height, rows.channels);
      timing.decode = decodeMs;
      timing.preprocess = performance.now() - start;
      start = performance.now();
      for (const strip of rows.strips()) {
        const decoded = performance.now();
        this.#engine.pushRows(strip, rowBytes);
        timing.decode += decoded - start;
        timing.preprocess += performance.now() - decoded;
        await pace.pause('while preprocessing');
        start = performance.now();
      }
    } finally {
      rows.close();
    }
    return timing;
  }

  /**
   * All steps of the forward pass.
   * @param {Pace} pace
   * @param {Timing} timing
   * @param {{name: string, sha256: string}[]} [hashes] takes one a step
   */
  async #run(pace, timing, hashes) {
    const { stepNames } = this.#planned;
    const last = stepNames.length - 1;
    for (const [i, name] of stepNames.entries()) {
      await pace.pause(`before step ${name}`);
      const start = performance.now();
      this.#engine.step();
      const ms = performance.now() - start;
      timing.steps.push({ name, ms });
      hashes?.push({ name, sha256: this.#engine.stateSha256() });
      timing[i === 0 ? 'embed' : i === last ? 'head' : 'blocks'] += ms;
    }
    this.#engine.took(timing.embed + timing.blocks + timing.head);
    timing.total = timing.decode + timing.preprocess + timing.embed + timing.blocks + timing.head;
  }

  /**
   * Has the session keep attention, or not, which is quicker, and merge what it should.
   * @param {boolean} explain
   * @param {string} [merge]
   */
  #plan(explain, merge = this.#merge) {
    const before = this.#planned;
    if (explain === before.explain && merge === before.merge) return;
    const engine = this.#engine;
    try {
      engine.plan({ ...this.#kernels, explain, merge });
      this.#planned = { explain, merge, stepNames: engine.stepNames };
    } catch (error) {
      engine.plan({ ...this.#kernels, explain: before.explain, merge: before.merge });
      throw error;
    }
  }

  /** @returns {import('./vit158.d.ts').Attention} */
  #attention() {
    const { depth, heads, tokens, prefixTokens, imageSize, patchSize } = this.#model;
    return {
      depth,
      heads,
      tokens,
      prefixTokens,
      side: imageSize / patchSize,
      values: this.#engine.results('attention', depth * heads * tokens),
      rollout: this.#engine.results('rollout', tokens).slice(prefixTokens),
    };
  }
}

/** @returns {Timing} */
function newTiming() {
  return { decode: 0, preprocess: 0, embed: 0, blocks: 0, head: 0, total: 0, steps: [] };
}

/**
 * An engine with helper threads, or none where the system does not give what it needs.
 * @param {number} threads
 * @param {{size: number, length: number}} model its bytes, supposed and sure; 0 = unknown
 * @param {import('./vit158.d.ts').WasmSource | undefined} wasm
 * @param {boolean} optional nobody asked for threads: whatever goes wrong, there are none
 */
async function startThreaded(threads, { size, length }, wasm, optional) {
  let module;
  try {
    module = await loadWasm('threads', wasm);
    return await Engine.createThreaded(module, threads, size, length);
  } catch (error) {
    const noRoom = isNamed(error, 'RangeError') || /** @type {any} */ (error).code === 'E_MEMORY';
    if (optional || (module && noRoom)) return undefined; // one thread, without an error
    throw error;
  }
}

/**
 * Feeds a file to the engine as it arrives.
 * @param {Engine} engine
 * @param {import('./source.js').ByteStream & {start: Uint8Array}} stream
 * @param {Pace} pace
 * @param {Given<LoadOptions>} options
 */
async function fill(engine, stream, pace, { sha256, metadata }) {
  const hash = sha256 === undefined ? undefined : new FileHash();
  await refuseNoModel(stream.name, stream.start);
  try {
    engine.loadBegin(stream.length);
    if (metadata !== undefined) engine.loadMetadata(metadata);
    for (let chunk = await stream.pull(); chunk; chunk = await stream.pull()) {
      await hash?.update(chunk);
      engine.loadPush(chunk);
      await pace.pause(`while loading ${stream.name}`);
    }
    if (hash) await checkHash(hash, /** @type {string} */ (sha256), stream.name);
    engine.loadEnd();
  } catch (error) {
    throw (await advice())?.withAdvice(error, stream) ?? error;
  }
}

/**
 * @param {FileHash} hash of the whole file
 * @param {string} wanted
 * @param {string} name for the message
 */
async function checkHash(hash, wanted, name) {
  const found = await hash.hex();
  if (found !== wanted.toLowerCase())
    throw new Vit158Error('E_INTEGRITY', `${name} has SHA-256 ${found}, not ${wanted}`);
}

/** More than any input has, and few enough to be copied. */
const MOST_NUMBERS = 2 ** 28;

/** @param {any} tensor @returns {ArrayLike<number>} */
export function asFloats(tensor) {
  if (isBuffer(tensor)) bytesOf(tensor, 'the numbers given'); // or they are gone
  const isList = typeof tensor === 'object' && Number.isInteger(tensor?.length) && tensor.length < MOST_NUMBERS;
  if (isList && typeof tensor[0] !== 'bigint') return tensor;
  throw new Vit158Error('E_ARGUMENT', `forward takes an array of numbers, not ${describe(tensor)}`);
}
