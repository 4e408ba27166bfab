// SPDX-License-Identifier: MIT
/**
 * vit158-decode.wasm as an object: JPEG and PNG bytes to upright pixels, the same in every engine.
 * An instance's memory never shrinks, so after a large image it is dropped and the next image
 * gets a fresh one.
 */
import { Vit158Error, errorFromStatus } from './errors.js';
import { Heap } from './heap.js';
import { instantiate, loadWasm } from './load_wasm.js';
import { rowsInMemory } from './pixel_rows.js';

/** @typedef {import('./pixel_rows.js').PixelRows} PixelRows */

/** An idle instance keeps at most this much memory. */
const KEEP_BYTES = 16 << 20;

/** True if the decoder is the one to read these bytes. @param {Uint8Array} bytes */
export function isJpegOrPng(bytes) {
  const starts = (/** @type {number[]} */ magic) => magic.every((byte, i) => bytes[i] === byte);
  return starts([0xff, 0xd8]) || starts([0x89, 0x50, 0x4e, 0x47]);
}

export class Decoder {
  #source;
  /** @type {DecoderInstance | undefined} */
  #idle;

  /** @param {import('./vit158.d.ts').WasmSource} [source] of the module, default: the package's file */
  constructor(source) {
    this.#source = source;
  }

  /** An instance of its own for one image; loads the module at the first use. */
  async acquire() {
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle) return idle;
    const instance = await instantiate(await loadWasm('decode', this.#source));
    return new DecoderInstance(new Heap(instance), (self) => {
      if (self.memoryBytes <= KEEP_BYTES) this.#idle = self;
    });
  }

  /** Lets the idle instance go. */
  end() {
    this.#idle = undefined;
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
   * @param {Uint8Array} bytes of a JPEG or PNG file
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
