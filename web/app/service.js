// SPDX-License-Identifier: MIT
// Answers the requests of protocol.js with the library: one model at a time, pictures decoded,
// previewed and classified one after the other. Runs in the worker, or on the main thread.
import { Classifier, decodeImage } from '../lib/vit158.js';
import { canvasIsRandomised } from './canvas.js';
import { PREVIEW_SIDE, REPLY, REQUEST } from './protocol.js';
import { shrinkToRgba, tensorToRgba } from './pixels.js';
import { modelBlob, threadsModule, wasmModule } from './resources.js';
import { variantHere } from './variant.js';

/** Repeated runs stop early after this many milliseconds. */
const MEASURE_BUDGET_MS = 2000;

export class Service {
  #post;
  /** @type {Classifier | null} */
  #model = null;
  /** The last model asked for; a picture waits for it. @type {Promise<unknown>} */
  #loading = Promise.resolve();
  /** Pictures are worked on in turn. @type {Promise<unknown>} */
  #turn = Promise.resolve();
  /** @type {Map<number, AbortController>} */
  #running = new Map();

  /** @param {(reply: object, transfer: Transferable[]) => void} post */
  constructor(post) {
    this.#post = post;
  }

  /** @param {any} request one of protocol.js */
  handle(request) {
    if (request.type === REQUEST.CANCEL) {
      this.#running.get(request.target)?.abort();
      return;
    }
    const controller = new AbortController();
    const { signal } = controller;
    this.#running.set(request.id, controller);
    if (request.type === REQUEST.LOAD) {
      this.#loading = this.#answer(request.id, () => this.#load(request, signal));
    } else if (request.type === REQUEST.CLASSIFY) {
      this.#turn = this.#turn.then(() =>
        this.#answer(request.id, () => this.#classify(request, signal)),
      );
    } else {
      this.#answer(request.id, () => this.#lookInside(request));
    }
  }

  /**
   * @param {number} id
   * @param {() => Promise<unknown>} work
   */
  async #answer(id, work) {
    try {
      this.#post({ id, type: REPLY.DONE, value: await work() }, []);
    } catch (error) {
      this.#post({ id, type: REPLY.FAILED, error: failure(error) }, []);
    } finally {
      this.#running.delete(id);
    }
  }

  /**
   * @param {import('./protocol.js').LoadRequest & {id: number}} request
   * @param {AbortSignal} signal
   * @returns {Promise<import('./protocol.js').ModelFacts>}
   */
  async #load({ id, url, file, sha256, engine: wanted }, signal) {
    const { engine, module } = variantHere(wanted);
    const wasm = {
      decoder: wasmModule('vit158-decode'),
      engine: wasmModule(module),
      threads: threadsModule(),
    };
    const model = await loadOnceMore(file ?? /** @type {string} */ (url), {
      signal,
      sha256,
      engine,
      wasm,
      onProgress: (value) => this.#post({ id, type: REPLY.PROGRESS, value }, []),
    });
    const before = this.#model;
    this.#model = model;
    // A picture being classified still uses the model before.
    if (before) this.#turn = this.#turn.then(() => before.dispose());
    return { info: model.info(), labels: model.labels(), randomised: canvasIsRandomised() };
  }

  /**
   * @param {import('./protocol.js').ClassifyRequest & {id: number}} request
   * @param {AbortSignal} signal
   * @returns {Promise<import('./protocol.js').Outcome>}
   */
  async #classify(request, signal) {
    throwIfAborted(signal);
    const { file, bitmap, pixels: given, topK, runs } = request;
    const encoded = file && (await readFile(file));
    if (runs > 1) {
      const image = encoded ?? /** @type {import('./protocol.js').PixelData} */ (given);
      return repeat(await this.#ready(signal), image, { topK, signal }, runs);
    }
    const module = await wasmModule('vit158-decode');
    const start = performance.now();
    const pixels = given ?? (await decode(encoded ?? bitmap, { signal, wasm: module }));
    const decodeMs = given ? 0 : performance.now() - start;
    if (request.wantsPreview) this.#preview(request.id, pixels);
    const model = await this.#ready(signal);
    const { wantsAttention: explain, wantsEmbedding: embedding } = request;
    const result = await model.classify(pixels, { topK, signal, explain, embedding });
    result.timing.decode = decodeMs;
    const outcome = outcomeOf(result, stepsOf(result), 1);
    outcome.attention = result.attention ?? null;
    outcome.embedding = result.embedding ?? null;
    if (request.wantsInput) {
      const { model: shape, metadata } = model.info();
      const tensor = await model.preprocess(pixels, { signal });
      outcome.input = tensorToRgba(tensor, shape.imageSize, shape.channels, metadata);
    }
    return outcome;
  }

  /** @param {any} request MatricesRequest or WeightsRequest */
  async #lookInside({ type, source, name }) {
    const { drawMatrix, listMatrices } = await import('./weights.js');
    const file = await modelBlob(source);
    return type === REQUEST.WEIGHTS ? drawMatrix(file, name) : listMatrices(file);
  }

  /** @param {AbortSignal} signal @returns {Promise<Classifier>} once it is loaded */
  async #ready(signal) {
    await this.#loading;
    throwIfAborted(signal);
    if (!this.#model) throw Object.assign(new Error('no model is loaded'), { code: 'E_NO_MODEL' });
    return this.#model;
  }

  /**
   * @param {number} id
   * @param {import('./protocol.js').PixelData} pixels
   */
  #preview(id, pixels) {
    const small = shrinkToRgba(pixels, PREVIEW_SIDE);
    const value = { ...small, sourceWidth: pixels.width, sourceHeight: pixels.height };
    this.#post({ id, type: REPLY.PREVIEW, value }, [small.data.buffer]);
  }
}

/** Ways in which a damaged copy of a model file may show. */
const DAMAGE = /^E_(INTEGRITY|TRUNCATED|FORMAT|JSON|METADATA|TENSOR|VALUE|LIMIT)$/;

/**
 * Loads a model; a file that does not have the bytes it should have may be a damaged copy in a
 * cache, so it is fetched once more past all caches.
 * @param {string | Blob} source
 * @param {import('../lib/vit158.js').LoadOptions} options
 * @returns {Promise<Classifier>}
 */
async function loadOnceMore(source, options) {
  try {
    return await Classifier.load(source, options);
  } catch (error) {
    const isDamaged = DAMAGE.test(/** @type {any} */ (error).code ?? '');
    if (typeof source !== 'string' || !options.sha256 || !isDamaged) throw error;
    return Classifier.load(fetch(source, { cache: 'reload', signal: options.signal }), options);
  }
}

/** @param {AbortSignal} signal */
function throwIfAborted(signal) {
  if (signal.aborted) throw Object.assign(new Error('cancelled'), { code: 'E_ABORT' });
}

/** @param {Blob} file @returns {Promise<ArrayBuffer>} */
async function readFile(file) {
  try {
    return await file.arrayBuffer();
  } catch (cause) {
    throw Object.assign(new Error('the file cannot be read', { cause }), { code: 'E_IO' });
  }
}

/**
 * @param {ArrayBuffer | ImageBitmap | undefined} image a bitmap is ended
 * @param {import('../lib/vit158.js').DecodeOptions} options
 */
async function decode(image, options) {
  if (!image) throw new TypeError('a request without a picture');
  try {
    return await decodeImage(image, options);
  } finally {
    if ('close' in image) image.close();
  }
}

/** @param {any} error @returns {import('./protocol.js').Failure} */
function failure(error) {
  return { code: error?.code ?? 'E_INTERNAL', message: error?.message ?? String(error) };
}

/**
 * Typical times of many runs, each from the encoded file on if there is one.
 * @param {Classifier} model
 * @param {ArrayBuffer | import('./protocol.js').PixelData} image
 * @param {import('../lib/vit158.js').ClassifyOptions} options
 * @param {number} runs
 * @returns {Promise<import('./protocol.js').Outcome>}
 */
async function repeat(model, image, options, runs) {
  const start = performance.now();
  const first = await model.classify(image, options);
  const passes = [stepsOf(first)];
  while (passes.length < runs && performance.now() - start < MEASURE_BUDGET_MS)
    passes.push(stepsOf(await model.classify(image, options)));
  const steps = passes[0].map(({ name }, i) => ({
    name,
    ms: typical(passes.map((pass) => pass[i].ms)),
  }));
  return outcomeOf(first, steps, passes.length);
}

/**
 * @param {import('../lib/vit158.js').Classification} result
 * @param {import('./protocol.js').Step[]} steps
 * @param {number} runs
 * @returns {import('./protocol.js').Outcome}
 */
function outcomeOf({ predictions, logitsSha256 }, steps, runs) {
  const more = { input: null, attention: null, embedding: null };
  return { predictions, steps, runs, logitsSha256, ...more };
}

/**
 * @param {import('../lib/vit158.js').Classification} result
 * @returns {import('./protocol.js').Step[]}
 */
function stepsOf({ timing }) {
  const { decode, preprocess, steps } = timing;
  return [{ name: 'decode', ms: decode }, { name: 'preprocess', ms: preprocess }, ...steps];
}

/**
 * Mean of the middle half: steady like a median, and finer than the browser's clock, which ticks
 * every 0.1 ms or so.
 * @param {number[]} values
 * @returns {number}
 */
export function typical(values) {
  const cut = values.length >> 2;
  const middle = [...values].sort((a, b) => a - b).slice(cut, values.length - cut);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}
