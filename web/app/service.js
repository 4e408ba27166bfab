// SPDX-License-Identifier: MIT
// Answers the requests of protocol.js with the library: one model at a time, images decoded,
// previewed and classified one after the other. Runs in the worker, or on the main thread.
import { mergeKey } from '../lib/merges.js';
import { Classifier, decodeImage } from '../lib/vit158.js';
import { canvasIsRandomised } from './canvas.js';
import { PREVIEW_SIDE, REPLY, REQUEST } from './service_messages.js';
import { shrinkToRgba, squareOf, tensorToRgba } from './pixels.js';
import { modelBlob, threadsModule, wasmModule } from './resources.js';
import { variantHere } from './variant.js';

/** Runs for the times stop early after this many milliseconds. */
const MEASURE_BUDGET_MS = 1500;

/** Between two reports of a download: to draw one for each chunk takes longer than a quick one does. */
const PROGRESS_MS = 100;

export class Service {
  #post;
  /** @type {Classifier | null} */
  #model = null;
  /** Models loaded so far. */
  #number = 0;
  /** @type {{number: number, facts: Promise<import('../lib/vit158.js').Inspection>} | null} */
  #inspected = null;
  /** The last model asked for; an image waits for it. @type {Promise<unknown>} */
  #loading = Promise.resolve();
  /** Images are worked on in turn. @type {Promise<unknown>} */
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
      this.#turn = this.#turn.then(() => this.#answer(request.id, () => this.#classify(request, signal)));
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
   * @param {import('./service_messages.js').LoadRequest & {id: number}} request
   * @param {AbortSignal} signal
   * @returns {Promise<import('./service_messages.js').ModelFacts>}
   */
  async #load({ id, url, file, sha256, metadata, said, engine: wanted }, signal) {
    const { engine, module } = variantHere(wanted);
    const wasm = {
      decoder: wasmModule('vit158-decode'),
      engine: wasmModule(module),
      threads: threadsModule(),
    };
    const made = said && (await imported(/** @type {File} */ (file), said));
    const model = await loadOnceMore(made ?? file ?? /** @type {string} */ (url), {
      signal,
      sha256,
      metadata,
      engine,
      wasm,
      onProgress: atIntervals(PROGRESS_MS, (value) => this.#post({ id, type: REPLY.PROGRESS, value }, [])),
    });
    const before = this.#model;
    this.#model = model;
    const number = ++this.#number;
    // An image being classified still uses the model before.
    if (before) this.#turn = this.#turn.then(() => before.dispose());
    const facts = { number, info: model.info(), labels: model.labels(), randomised: canvasIsRandomised() };
    return made ? { ...facts, file: made } : facts;
  }

  /**
   * @param {import('./service_messages.js').ClassifyRequest & {id: number}} request
   * @param {AbortSignal} signal
   * @returns {Promise<import('./service_messages.js').Outcome>}
   */
  async #classify(request, signal) {
    throwIfAborted(signal);
    const { id, image, file, bitmap, pixels: given, topK, runs, wantsAttention: explain } = request;
    const encoded = file && (await readFile(file));
    const module = await wasmModule('vit158-decode');
    const start = performance.now();
    const whole = given ?? (await decode(encoded ?? bitmap, { signal, wasm: module }));
    const decodeMs = given ? 0 : performance.now() - start;
    if (request.wantsPreview) this.#preview(id, image, whole);
    const model = await this.#ready(signal);
    const number = this.#number;
    // Where images are squashed the model sees all of them, whichever part was chosen for another model.
    const squash = model.info().metadata.resize_mode === 'squash';
    const pixels = squash ? whole : squareOf(whole, request.region);
    const merge = mergeFor(model, request.merge);
    const result = await model.classify(pixels, { topK, signal, merge, explain, embedding: true, input: true });
    const { model: shape, metadata } = model.info();
    /** @type {import('./service_messages.js').Outcome} */
    const outcome = {
      image,
      model: number,
      predictions: result.predictions,
      unsure: result.unsure,
      times: { steps: stepsOf(result, decodeMs), runs: 1 },
      logitsSha256: result.logitsSha256,
      input: tensorToRgba(result.input, shape.imageSize, shape.channels, metadata),
      embedding: result.embedding,
      attention: result.attention ?? null,
    };
    if (runs === 1) return outcome;
    this.#post({ id, type: REPLY.ANSWER, value: outcome }, []);
    return { ...outcome, times: await measure(model, pixels, { topK, signal, merge }, runs, decodeMs) };
  }

  /** @param {any} request MatricesRequest or WeightsRequest */
  async #lookInside({ type, number, source, name }) {
    const inspection = await this.#inspect(number);
    if (type === REQUEST.TENSORS) return (await import('./tensors.js')).listTensors(inspection);
    const file = await modelBlob(source);
    if (type === REQUEST.SPREAD) return (await import('./tensors.js')).spreadOf(inspection, file, name);
    const { drawMatrix, listMatrices } = await import('./weights.js');
    return type === REQUEST.WEIGHTS ? drawMatrix(inspection, file, name) : listMatrices(inspection, file);
  }

  /** What the model with this number is made of, asked once. @param {number} number */
  #inspect(number) {
    if (!this.#model || number !== this.#number) throw new Error('another model is in use by now');
    if (this.#inspected?.number !== number) this.#inspected = { number, facts: this.#model.inspect() };
    return this.#inspected.facts;
  }

  /** @param {AbortSignal} signal @returns {Promise<Classifier>} once it is loaded */
  async #ready(signal) {
    await this.#loading;
    throwIfAborted(signal);
    if (!this.#model) throw Object.assign(new Error('no model is loaded'), { code: 'E_NO_MODEL' });
    return this.#model;
  }

  /**
   * @param {number} id  of the request
   * @param {number} image
   * @param {import('./service_messages.js').PixelData} pixels
   */
  #preview(id, image, pixels) {
    const small = shrinkToRgba(pixels, PREVIEW_SIDE);
    const value = { image, ...small, sourceWidth: pixels.width, sourceHeight: pixels.height };
    this.#post({ id, type: REPLY.PREVIEW, value }, [small.data.buffer]);
  }
}

/**
 * @template T
 * @param {number} ms
 * @param {(value: T) => void} tell
 * @returns {(value: T) => void} tells the last of what came within so long
 */
function atIntervals(ms, tell) {
  /** @type {T} */
  let last;
  let waits = false;
  return (value) => {
    last = value;
    if (waits) return;
    waits = true;
    setTimeout(() => {
      waits = false;
      tell(last);
    }, ms);
  };
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

/**
 * A file of another library as one of ours; what does so is fetched now.
 * @param {File} file
 * @param {import('./import_file.js').Said} said
 */
async function imported(file, said) {
  const { importFile } = await import('./import_file.js');
  return importFile(await wasmModule('vit158-import'), file, said);
}

/**
 * Another model than the one that was there when the image was given may have no such list.
 * @param {Classifier} model @param {string} [name]
 */
const mergeFor = (model, name = 'off') => (model.info().metadata[mergeKey(name)] === undefined ? 'off' : name);

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

/** @param {any} error @returns {import('./service_messages.js').Failure} */
function failure(error) {
  return { code: error?.code ?? 'E_INTERNAL', message: error?.message ?? String(error) };
}

/**
 * Times of more runs over decoded pixels: the first run of an image also pays for code that the
 * browser has yet to compile, and for keeping attention.
 * @param {Classifier} model
 * @param {import('./service_messages.js').PixelData} pixels
 * @param {import('../lib/vit158.js').ClassifyOptions} options
 * @param {number} runs
 * @param {number} decodeMs  measured once
 * @returns {Promise<import('./service_messages.js').Times>}
 */
async function measure(model, pixels, options, runs, decodeMs) {
  const start = performance.now();
  /** @type {import('./service_messages.js').Step[][]} */
  const passes = [];
  /** @type {number[]} */
  const unmerged = [];
  do {
    passes.push(stepsOf(await model.classify(pixels, options), decodeMs));
    if (options.merge !== 'off')
      unmerged.push((await model.classify(pixels, { ...options, merge: 'off' })).timing.total);
  } while (passes.length < runs && performance.now() - start < MEASURE_BUDGET_MS);
  const steps = passes[0].map(({ name }, i) => ({
    name,
    ms: median(passes.map((pass) => pass[i].ms)),
  }));
  const whole = unmerged.length > 0 ? { unmergedMs: decodeMs + median(unmerged) } : {};
  return { steps, runs: passes.length, ...whole };
}

/**
 * @param {import('../lib/vit158.js').Classification} result
 * @param {number} decodeMs
 * @returns {import('./service_messages.js').Step[]}
 */
function stepsOf({ timing }, decodeMs) {
  const { preprocess, steps } = timing;
  return [{ name: 'decode', ms: decodeMs }, { name: 'preprocess', ms: preprocess }, ...steps];
}

/**
 * @param {number[]} values  at least one
 * @returns {number}
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
