// SPDX-License-Identifier: MIT
/**
 * The only file that touches a module's memory. Memory may grow in any call, which detaches views
 * of it: views are made anew for each use and never kept. After a trap the instance is in an unknown
 * state, so every later call fails; other instances are not concerned.
 */
import { Vit158Error, messageOf } from './errors.js';
import { textOf } from './platform.js';

export class Heap {
  /** @type {Record<string, (...args: number[]) => number> | undefined} */
  #functions;
  /** @type {WebAssembly.Memory | undefined} */
  #memory;
  #ended = 'it has been disposed of';

  /**
   * @param {WebAssembly.Instance} instance of one of our modules
   * @param {WebAssembly.Memory} [shared] the memory it was given, if it does not bring its own
   */
  constructor(instance, shared) {
    const { memory = shared, ...functions } = instance.exports;
    this.#memory = /** @type {WebAssembly.Memory} */ (memory);
    this.#functions = /** @type {any} */ (functions);
    this.call('_initialize');
  }

  /**
   * @param {string} name of an export
   * @param {...number} args pointers and numbers
   * @returns {number} unsigned where it is an integer
   */
  call(name, ...args) {
    const functions = this.#functions;
    if (functions === undefined) throw new Vit158Error('E_STATE', `the engine cannot be used: ${this.#ended}`);
    try {
      const result = functions[name](...args);
      return result < 0 && Number.isInteger(result) ? result >>> 0 : result;
    } catch (error) {
      this.end(`${name} crashed before`);
      throw new Vit158Error('E_WASM', `the engine crashed in ${name}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * Lets go of the instance and its memory.
   * @param {string} [why]
   */
  end(why) {
    if (why !== undefined) this.#ended = why;
    this.#functions = undefined;
    this.#memory = undefined;
  }

  /** Bytes of memory the instance holds. */
  get size() {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /** Memory for `n` bytes, to be given back with free(). @param {number} n */
  allocate(n) {
    const pointer = this.call('malloc', n);
    if (pointer === 0) throw new Vit158Error('E_MEMORY', `no memory for ${n} bytes in the engine`);
    return pointer;
  }

  /** @param {number} pointer from allocate() */
  free(pointer) {
    if (this.#functions !== undefined) this.call('free', pointer);
  }

  /**
   * A view that is valid until the next call.
   * @param {number} pointer
   * @param {number} n
   */
  view(pointer, n) {
    return new Uint8Array(this.#buffer(), pointer, n);
  }

  /**
   * @param {number} pointer
   * @param {Uint8Array} bytes copied in; may be a view of another instance's memory
   */
  write(pointer, bytes) {
    this.view(pointer, bytes.length).set(bytes);
  }

  /**
   * @param {number} pointer to float32, 4-byte aligned
   * @param {ArrayLike<number>} values
   */
  writeFloats(pointer, values) {
    new Float32Array(this.#buffer(), pointer, values.length).set(values);
  }

  /** Copy of `n` float32. @param {number} pointer @param {number} n */
  floats(pointer, n) {
    return new Float32Array(this.#buffer(), pointer, n).slice();
  }

  /** Copy of `n` uint32. @param {number} pointer @param {number} n */
  words(pointer, n) {
    return new Uint32Array(this.#buffer(), pointer, n).slice();
  }

  /** NUL-terminated UTF-8, "" for NULL. @param {number} pointer */
  text(pointer) {
    if (pointer === 0) return '';
    const rest = new Uint8Array(this.#buffer(), pointer);
    return textOf(rest.slice(0, rest.indexOf(0)));
  }

  #buffer() {
    if (this.#memory === undefined) throw new Vit158Error('E_STATE', `the engine cannot be used: ${this.#ended}`);
    return this.#memory.buffer;
  }
}
