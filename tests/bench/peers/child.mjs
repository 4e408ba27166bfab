// SPDX-License-Identifier: MIT
// One system in a process of its own, so that its memory and its tier-up are its own. The parent asks
// for runs by messages and so interleaves systems: {runs} -> {ms: [...]}.
import { readFileSync } from 'node:fs';
import { Classifier } from '../../../web/lib/vit158.js';

/**
 * @typedef {object} Setup
 * @property {'vit158' | 'ort_web' | 'ort_native'} system
 * @property {string} file
 * @property {number} threads
 * @property {number} side of the image
 */

/** @typedef {{run: (pixels: Float32Array) => Promise<Float32Array>, wasmBytes: () => number}} System */

/** WebAssembly memories made in this thread, for systems that do not tell. @type {WebAssembly.Memory[]} */
const memories = [];

function watchMemories() {
  const { Memory } = WebAssembly;
  WebAssembly.Memory = /** @type {any} */ (
    class extends Memory {
      /** @param {WebAssembly.MemoryDescriptor} descriptor */
      constructor(descriptor) {
        super(descriptor);
        memories.push(this);
      }
    }
  );
}

/** @param {Setup} setup @returns {Promise<System>} */
async function loadOurs({ file, threads }) {
  const vit = await Classifier.load(file, { threads });
  return { run: (pixels) => vit.forward(pixels), wasmBytes: () => vit.info().memoryBytes };
}

/** @param {any} ort @param {any} session @param {number} side @returns {System['run']} */
const runsOf = (ort, session, side) => async (pixels) => {
  const tensor = new ort.Tensor('float32', pixels, [1, 3, side, side]);
  return (await session.run({ pixels: tensor })).logits.data;
};

/** onnxruntime's own kernels for this processor. @param {Setup} setup @returns {Promise<System>} */
async function loadOrtNative({ file, threads, side }) {
  /** Not among the dependencies: 300 MB. @type {string} */
  const name = 'onnxruntime-node';
  const { default: ort } = await import(name);
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  return { run: runsOf(ort, session, side), wasmBytes: () => 0 };
}

/** onnxruntime-web's wasm backend as it is set up in a page. @param {Setup} setup @returns {Promise<System>} */
async function loadOrtWeb({ file, threads, side }) {
  watchMemories();
  const ort = await import('onnxruntime-web/wasm');
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(file)), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  });
  return {
    run: runsOf(ort, session, side),
    wasmBytes: () => Math.max(0, ...memories.map(({ buffer }) => buffer.byteLength)),
  };
}

const LOADERS = { vit158: loadOurs, ort_web: loadOrtWeb, ort_native: loadOrtNative };

/** @param {Setup} setup */
async function start(setup) {
  const start = performance.now();
  const system = await LOADERS[setup.system](setup);
  const load_ms = performance.now() - start;
  const pixels = Float32Array.from({ length: 3 * setup.side ** 2 }, (_, i) => Math.sin(i * 0.37) + Math.cos(i * 0.011));
  const first = performance.now();
  const logits = await system.run(pixels);
  process.send?.({
    load_ms,
    first_ms: performance.now() - first,
    logits: [...logits],
  });
  process.on('message', async (/** @type {{runs: number}} */ { runs }) => {
    const ms = [];
    for (let i = 0; i < runs; i++) {
      const begin = performance.now();
      await system.run(pixels);
      ms.push(performance.now() - begin);
    }
    process.send?.({ ms, wasm_bytes: system.wasmBytes(), rss_bytes: process.memoryUsage().rss });
  });
}

process.once('message', (/** @type {Setup} */ setup) => start(setup));
