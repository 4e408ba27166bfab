// SPDX-License-Identifier: MIT
/**
 * vit158.wasm as an object: the exports of src/wasm/engine_abi.h with JavaScript's types, statuses
 * turned into errors. One Engine is one instance with memory of its own, and holds one model.
 */
import { Vit158Error, errorFromStatus } from './errors.js';
import { Heap } from './heap.js';
import { instantiate } from './load_wasm.js';
import { sharedMemory } from './threads.js';
import { VERSION } from './version.js';

/** Values of vit158_engine and vit158_gemm. */
const ENGINES = { auto: 0, scalar: 1, simd128: 2 };
const GEMMS = { auto: 0, dot: 1, table: 2 };

const PAGE_BYTES = 65536; // of WebAssembly
const SESSIONS = 4; // VIT158_WASM_SESSIONS
const PREDICTION_BYTES = 8; // vit158_prediction: uint32 index, float score

export class Engine {
  #heap;
  #context;
  #staging;
  #stagingBytes;
  /** Of an engine with threads. @type {import('./thread_team.js').ThreadTeam | undefined} */
  #team;
  /** Where the session of a kind is kept, the one used last at the end. @type {Map<string, number>} */
  #places = new Map();
  /** @type {Record<string, number>} */
  #info = {};
  /** @type {Record<string, string>} */
  #metadata = {};

  /** @param {Heap} heap */
  constructor(heap) {
    this.#heap = heap;
    const version = heap.text(heap.call('vit158_version'));
    if (version !== VERSION)
      throw new Vit158Error('E_WASM', `the WebAssembly module is of vit158 ${version}, the JavaScript of ${VERSION}`);
    this.#context = heap.call('vit158_wasm_open');
    if (this.#context === 0) throw new Vit158Error('E_MEMORY', 'no memory for the engine');
    this.#staging = heap.call('vit158_wasm_staging', this.#context);
    this.#stagingBytes = heap.call('vit158_wasm_staging_bytes');
  }

  /** @param {WebAssembly.Module} module */
  static async create(module) {
    return new Engine(new Heap(await instantiate(module)));
  }

  /**
   * An engine on shared memory, and its helpers.
   * @param {WebAssembly.Module} module vit158-threads.wasm
   * @param {number} threads
   * @param {number} modelBytes 0 = unknown
   * @param {number} [roomBytes] the model's length where that is sure, 0 where only its header claims it
   */
  static async createThreaded(module, threads, modelBytes, roomBytes = 0) {
    const { ThreadTeam } = await import('./thread_team.js');
    const memory = sharedMemory(modelBytes);
    const engine = new Engine(new Heap(await instantiate(module, memory), memory));
    const heap = engine.#heap;
    try {
      // Growth that is refused shows here, while there can be an engine without threads instead.
      if (roomBytes > 0) memory.grow(Math.floor(roomBytes / PAGE_BYTES));
      const pool = heap.call('vit158_wasm_pool_open', threads);
      if (pool === 0) throw new Vit158Error('E_MEMORY', 'no memory for the threads');
      engine.#call('use_pool', pool);
      const allocate = heap.allocate.bind(heap);
      const quit = () => void heap.call('vit158_wasm_pool_quit', pool);
      engine.#team = new ThreadTeam();
      await engine.#team.start(module, memory, { pool, allocate, quit }, threads);
      return engine;
    } catch (error) {
      engine.end(); // and the helpers started so far
      throw error;
    }
  }

  /** At hand inside one image. */
  get threads() {
    return this.#team?.count ?? 1;
  }

  /** Lets the instance, its helpers and its memory go. */
  end() {
    this.#team?.end();
    this.#heap.end();
  }

  get memoryBytes() {
    return this.#heap.size;
  }

  get numericsVersion() {
    return this.#heap.call('vit158_numerics_version');
  }

  /** @param {number} expectedBytes of the file, 0 = unknown */
  loadBegin(expectedBytes) {
    this.#check('load_begin', expectedBytes);
  }

  /**
   * What replaces or adds to the file's own; before its first byte.
   * @param {Record<string, string>} metadata
   */
  loadMetadata(metadata) {
    const json = asciiOf(JSON.stringify(metadata));
    if (json.length > this.#stagingBytes)
      throw new Vit158Error('E_LIMIT', `${json.length} bytes of metadata: at most ${this.#stagingBytes}`);
    this.#heap.write(this.#staging, json);
    this.#check('load_metadata', json.length);
  }

  /** @param {Uint8Array} bytes */
  loadPush(bytes) {
    for (let at = 0; at < bytes.length; at += this.#stagingBytes) {
      const piece = bytes.subarray(at, at + this.#stagingBytes);
      this.#heap.write(this.#staging, piece);
      this.#check('load_push', piece.length);
    }
  }

  loadEnd() {
    this.#check('load_end');
    const { info, metadata } = this.#facts(false);
    this.#info = inCamelCase(info);
    this.#metadata = metadata;
  }

  /** Of the model that is loaded. @returns {import('./vit158.d.ts').ModelInfo} */
  modelInfo() {
    return /** @type {any} */ ({ ...this.#info });
  }

  /** @returns {Record<string, string>} */
  metadata() {
    return { ...this.#metadata };
  }

  /** @returns {import('./vit158.d.ts').Inspection} */
  inspect() {
    return this.#facts(true);
  }

  /** What C tells of the model (src/model/facts.h). @param {boolean} ofFile */
  #facts(ofFile) {
    const pointer = this.#call('facts', Number(ofFile));
    if (pointer === 0) throw new Vit158Error('E_MEMORY', this.#heap.text(this.#call('message')));
    try {
      return JSON.parse(this.#heap.text(pointer));
    } finally {
      this.#heap.free(pointer);
    }
  }

  /** @param {number} index */
  label(index) {
    return this.#heap.text(this.#call('label', index));
  }

  /**
   * Has a session of this kind do what follows. The last few kinds are kept, so those in turn are planned once.
   * @param {{engine: keyof typeof ENGINES, gemm: keyof typeof GEMMS, explain: boolean, merge?: string}} options
   */
  plan({ engine, gemm, explain, merge = 'off' }) {
    const kind = [ENGINES[engine], GEMMS[gemm], Number(explain)];
    const key = `${kind} ${merge}`;
    let place = this.#places.get(key);
    if (place === undefined || this.#call('use', place) === 0) {
      const text = asciiOf(merge);
      if (text.length >= this.#stagingBytes)
        throw new Vit158Error('E_LIMIT', `${text.length} bytes of merges: at most ${this.#stagingBytes - 1}`);
      const [[oldest, freed] = [key, 0]] = this.#places;
      place ??= this.#places.size < SESSIONS ? this.#places.size : freed;
      this.#heap.write(this.#staging, text);
      this.#check('plan', place, ...kind, text.length);
      if (place === freed) this.#places.delete(oldest);
    }
    this.#places.delete(key);
    this.#places.set(key, place); // the last used comes last
  }

  /** "scalar" or "simd128". */
  get variant() {
    return /** @type {'scalar' | 'simd128'} */ (this.#heap.text(this.#call('engine')));
  }

  get sessionBytes() {
    return this.#call('session_bytes');
  }

  /** @param {number} width @param {number} height @param {1 | 3 | 4} channels */
  beginImage(width, height, channels) {
    this.#check('begin_image', width, height, channels);
  }

  /**
   * @param {Uint8Array} rows whole rows without padding; may be a view of another module's memory
   * @param {number} rowBytes at most the staging area's size, which beginImage has seen to
   */
  pushRows(rows, rowBytes) {
    const step = Math.floor(this.#stagingBytes / rowBytes) * rowBytes;
    for (let at = 0; at < rows.length; at += step) {
      const piece = rows.subarray(at, at + step);
      this.#heap.write(this.#staging, piece);
      this.#check('push_rows', rowBytes, piece.length / rowBytes);
    }
  }

  /** @param {ArrayLike<number>} values normalised, [channels][S][S] */
  setTensor(values) {
    const place = this.#call('input', values.length);
    if (place !== 0) this.#heap.writeFloats(place, values);
    this.#check('set_tensor', values.length); // says why there is no place
  }

  get stepNames() {
    return Array.from({ length: this.#call('step_count') }, (_, i) => this.#heap.text(this.#call('step_name', i)));
  }

  step() {
    this.#check('step');
  }

  /**
   * Threads that only hold each other up are done without: call it after each forward pass.
   * @param {number} ms that its steps took
   */
  took(ms) {
    this.#call('took', ms);
  }

  /**
   * A copy of the normalised input before the first step, or of what the last one left: attention is
   * [depth][heads][tokens], rollout [tokens].
   * @param {'tensor' | 'logits' | 'embedding' | 'attention' | 'rollout'} name
   * @param {number} count of floats
   */
  results(name, count) {
    const pointer = this.#call(name);
    if (pointer === 0) throw new Vit158Error('E_STATE', `there is no ${name} yet`);
    return this.#heap.floats(pointer, count);
  }

  /**
   * @param {number} k
   * @returns {{index: number, score: number}[]} best first
   */
  topK(k) {
    if (k === 0) return [];
    const pointer = this.#heap.allocate(k * PREDICTION_BYTES);
    try {
      const count = this.#call('top_k', pointer, k);
      const indices = this.#heap.words(pointer, 2 * count);
      const scores = this.#heap.floats(pointer, 2 * count);
      return Array.from({ length: count }, (_, i) => ({
        index: indices[2 * i],
        score: scores[2 * i + 1],
      }));
    } finally {
      this.#heap.free(pointer);
    }
  }

  /** Hexadecimal, of the tensor before the first step, of the logits after the last. */
  stateSha256() {
    return this.#heap.text(this.#call('state_sha256'));
  }

  /** @param {string} name without the prefix @param {...number} args */
  #call(name, ...args) {
    return this.#heap.call(`vit158_wasm_${name}`, this.#context, ...args);
  }

  /** @param {string} name @param {...number} args */
  #check(name, ...args) {
    const status = this.#call(name, ...args);
    if (status !== 0) throw errorFromStatus(status, this.#heap.text(this.#call('message')));
  }
}

/** JSON in ASCII: what lies beyond is escaped. @param {string} json */
function asciiOf(json) {
  const text = json.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/**
 * "image_size" becomes "imageSize".
 * @param {Record<string, number>} facts
 */
function inCamelCase(facts) {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()), value]),
  );
}
