// SPDX-License-Identifier: MIT
/**
 * Threads inside one image: how many there are, and a memory that can be shared by them. Where any of
 * it is missing there is one thread and no error. The threads themselves are thread_team.js, which is
 * loaded only where there are more than one.
 */
import { coreCount, hasFiles } from './platform.js';

const PAGE_BYTES = 65536;
const INITIAL_PAGES = 4; // as linked, wasm_build/wasm.cmake
const MOST_PAGES = 32767; // as linked, MAXIMUM_MEMORY in wasm_build/flags.cmake
/** With "auto", smaller models stay on one thread: a worker takes longer to start than they run. */
const AUTO_MODEL_BYTES = 1 << 20;
const AUTO_MOST_THREADS = 4;

/**
 * How many threads to run.
 * @param {number | 'auto'} wanted
 * @param {number} modelBytes 0 = unknown
 */
export async function chooseThreads(wanted, modelBytes) {
  if (wanted === 1 || !canShare()) return 1;
  if (wanted !== 'auto') return wanted;
  if (modelBytes < AUTO_MODEL_BYTES) return 1;
  return Math.max(1, Math.min(AUTO_MOST_THREADS, await coreCount()));
}

/**
 * True if memory can be shared with workers and this thread may wait for them: Node, or a worker of
 * a cross-origin isolated page.
 */
function canShare() {
  if (typeof SharedArrayBuffer !== 'function') return false;
  if (!hasFiles()) {
    if (typeof document !== 'undefined' || typeof Worker !== 'function') return false;
    if (globalThis.crossOriginIsolated !== true) return false;
  }
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return memory.buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}

/**
 * The memory of a threads module. Browsers reserve the maximum, so it is fitted to the model: a file
 * of 16-bit floats doubles in memory, a session needs far less than the rest.
 * @param {number} modelBytes 0 = unknown
 */
export function sharedMemory(modelBytes) {
  const bytes = modelBytes > 0 ? 3 * modelBytes + (256 << 20) : MOST_PAGES * PAGE_BYTES;
  const maximum = Math.min(MOST_PAGES, Math.ceil(bytes / PAGE_BYTES));
  return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared: true });
}
