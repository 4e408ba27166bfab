// SPDX-License-Identifier: MIT
/**
 * vit158-import.wasm: from a Vision Transformer of another library, or a checkpoint of our trainer, to a
 * model file. Fetched only by those who import or pack.
 */
import { errorFromStatus } from './errors.js';
import { Heap } from './heap.js';

/** Kinds of weights, by the module's numbers. */
export const IMPORT_WEIGHTS = ['f16', 'i8', 'f32'];

/**
 * @typedef {object} SourceFiles
 * @property {(name: string) => number} size  length of a file, -1 if there is none
 * @property {(name: string, offset: number, into: Uint8Array) => boolean} read  false if it fails
 */

/**
 * @typedef {object} ImportOptions
 * @property {Uint8Array} [file]  name of the source's file as UTF-8, missing for a folder
 * @property {string} [weights]   one of IMPORT_WEIGHTS, the first if missing
 * @property {number} [heads]     0: as the source says
 * @property {number} [size]
 * @property {Uint8Array} [labels]    text
 * @property {Uint8Array} [metadata]  JSON
 */

/**
 * @param {WebAssembly.Module} module
 * @param {SourceFiles} files
 * @param {ImportOptions} options
 * @returns {Promise<{report: string, megabytes: string[], write: (put: (bytes: Uint8Array) => void) => void}>}
 *   what was made, sizes by kind of weights, and the model file piece by piece: each is valid until the next
 */
export async function runImport(module, files, { file, weights = 'f16', heads = 0, size = 0, labels, metadata }) {
  const heap = await instantiate(module, files);
  const text = place(heap, labels);
  const numbers = [IMPORT_WEIGHTS.indexOf(weights), heads, size];
  const given = place(heap, metadata).pointer;
  check(heap, heap.call('vit158_wasm_import', place(heap, file).pointer, ...numbers, text.pointer, text.length, given));
  const megabytes = IMPORT_WEIGHTS.map((_, i) => (heap.call('vit158_wasm_import_bytes', i) / 1e6).toFixed(2));
  return { ...made(heap), megabytes };
}

/** Kinds of matrices and of the rest, by the module's numbers. */
const PACK_MATRICES = ['trained', 'ternarize', 'int8', 'float'];
const PACK_REST = ['f32', 'f16', 'bf16'];

/**
 * @param {WebAssembly.Module} module
 * @param {SourceFiles} files
 * @param {{file: Uint8Array, matrices: string, rest: string, metadata?: Uint8Array}} options
 */
export async function runPack(module, files, { file, matrices, rest, metadata }) {
  const heap = await instantiate(module, files);
  const numbers = [PACK_MATRICES.indexOf(matrices), PACK_REST.indexOf(rest)];
  check(heap, heap.call('vit158_wasm_pack', place(heap, file).pointer, ...numbers, place(heap, metadata).pointer));
  const { report, write } = made(heap);
  const [zeros, kept, untrained] = report.split(' ').map(Number);
  return { zeros, kept, untrained: untrained === 1, write };
}

/**
 * Tensors of floats out of a safetensors file.
 * @param {WebAssembly.Module} module
 * @param {SourceFiles} files
 * @param {Uint8Array} file its name
 * @param {Uint8Array[]} names
 * @returns {Promise<{shape: number[], values: Float32Array}[]>}
 */
export async function readTensors(module, files, file, names) {
  const heap = await instantiate(module, files);
  const { pointer } = place(heap, file);
  return names.map((name) => {
    check(heap, heap.call('vit158_wasm_import_tensor', pointer, place(heap, name).pointer));
    const shape = Array.from({ length: heap.call('vit158_wasm_import_rank') }, (_, i) =>
      heap.call('vit158_wasm_import_side', i),
    );
    const count = shape.reduce((product, side) => product * side, 1);
    return { shape, values: heap.floats(heap.call('vit158_wasm_import_values'), count) };
  });
}

/** @param {WebAssembly.Module} module @param {SourceFiles} files */
async function instantiate(module, files) {
  /** @type {Heap} */
  let heap;
  heap = new Heap(
    await WebAssembly.instantiate(module, {
      vit158: {
        file_size: (/** @type {number} */ name) => files.size(heap.text(name)),
        file_read: (
          /** @type {number} */ name,
          /** @type {number} */ offset,
          /** @type {number} */ out,
          /** @type {number} */ n,
        ) => Number(files.read(heap.text(name), offset, heap.view(out >>> 0, n))),
      },
    }),
  );
  return heap;
}

/** @param {Heap} heap @param {number} status */
function check(heap, status) {
  if (status !== 0) throw errorFromStatus(status, heap.text(heap.call('vit158_wasm_import_message')));
}

/** What the module has made. @param {Heap} heap */
function made(heap) {
  return {
    report: heap.text(heap.call('vit158_wasm_import_report')),
    /** @param {(bytes: Uint8Array) => void} put */
    write(put) {
      const count = heap.call('vit158_wasm_import_piece_count');
      for (let i = 0; i < count; i++)
        put(heap.view(heap.call('vit158_wasm_import_piece', i), heap.call('vit158_wasm_import_piece_bytes', i)));
    },
  };
}

/** Bytes with a NUL behind them in the module's memory. @param {Heap} heap @param {Uint8Array} [bytes] */
function place(heap, bytes) {
  if (bytes === undefined) return { pointer: 0, length: 0 };
  const pointer = heap.allocate(bytes.length + 1);
  heap.write(pointer, bytes);
  heap.view(pointer + bytes.length, 1)[0] = 0;
  return { pointer, length: bytes.length };
}
