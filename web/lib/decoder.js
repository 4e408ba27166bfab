// SPDX-License-Identifier: MIT
/**
 * vit158-decode.wasm as an object: JPEG and PNG bytes to upright pixels, the same in every engine; and
 * vit158-webp.wasm, which does it for WebP where no browser does, loaded when the first one comes. An
 * instance's memory never shrinks, so after a large image it is dropped and the next gets a fresh one.
 */
import { Vit158Error, errorFromStatus } from './errors.js';
import { Heap } from './heap.js';
import { instantiate, loadWasm } from './load_wasm.js';
import { rowsInMemory } from './pixel_rows.js';

/** @typedef {import('./pixel_rows.js').PixelRows} PixelRows */

/** An idle instance keeps at most this much memory. */
const KEEP_BYTES = 16 << 20;

/** @param {Uint8Array} bytes @param {number} at @param {string} letters */
const holds = (bytes, at, letters) => [...letters].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));

/** True if these bytes are for the decoder wherever it runs. @param {Uint8Array} bytes */
export function isJpegOrPng(bytes) {
  return holds(bytes, 0, '\xff\xd8') || holds(bytes, 0, '\x89PNG');
}

/** @param {Uint8Array} bytes */
export function isWebp(bytes) {
  return holds(bytes, 0, 'RIFF') && holds(bytes, 8, 'WEBP');
}

/** @typedef {{decode?: import('./vit158.d.ts').WasmSource, webp?: import('./vit158.d.ts').WasmSource}} Sources */

export class Decoder {
  #sources;
  /** @type {Partial<Record<keyof Sources, DecoderInstance>>} */
  #idle = {};

  /** @param {Sources} [sources] of the modules, default: the package's files */
  constructor(sources = {}) {
    this.#sources = sources;
  }

  /** An instance of its own for one image; loads the module at the first use. @param {keyof Sources} [name] */
  async acquire(name = 'decode') {
    const idle = this.#idle[name];
    delete this.#idle[name];
    if (idle) return idle;
    const instance = await instantiate(await loadWasm(name, this.#sources[name]));
    return new DecoderInstance(new Heap(instance), (self) => {
      if (self.memoryBytes <= KEEP_BYTES) this.#idle[name] = self;
    });
  }

  /** Lets the idle instances go. */
  end() {
    this.#idle = {};
  }
}

class DecoderInstance {
  #heap;
  #context;
  #release;

  /**
   * @param {Heap} heap
   * @param {(self: DecoderInstance) => void} release called when the image is no longer needed
   */
  constructor(heap, release) {
    this.#heap = heap;
    this.#release = release;
    this.#context = heap.call('vit158_decode_open');
    if (this.#context === 0) throw new Vit158Error('E_MEMORY', 'no memory for the decoder');
  }

  get memoryBytes() {
    return this.#heap.size;
  }

  /**
   * @param {Uint8Array} bytes of a file of the module's formats
   * @returns {PixelRows} its close() gives this instance back
   */
  decode(bytes) {
    const heap = this.#heap;
    const file = heap.allocate(bytes.length);
    heap.write(file, bytes);
    const status = heap.call('vit158_decode_run', this.#context, file, bytes.length);
    heap.free(file);
    if (status !== 0) {
      const message = heap.text(heap.call('vit158_decode_message', this.#context));
      this.#release(this);
      throw errorFromStatus(status, message);
    }
    const image = heap.call('vit158_decode_image', this.#context);
    const [width, height, channels, , data] = heap.words(image, 5);
    const pixels = heap.view(data, width * height * channels);
    return rowsInMemory(pixels, width, height, /** @type {1 | 3 | 4} */ (channels), () => {
      heap.call('vit158_decode_clear', this.#context);
      this.#release(this);
    });
  }
}
