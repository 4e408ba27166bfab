// SPDX-License-Identifier: MIT
// Where a model's time goes, by operation: node tests/bench/bench_profile.mjs FILE [RUNS [WARM_MS]] prints
// JSON lines, medians of some runs on one thread. Runs bench_engine.wasm: the engine as it ships, and a
// clock around every kernel. Patch embedding and head are steps of their own; what no kernel of the
// blocks accounts for is the rest.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Engine } from '../../web/lib/engine.js';
import { Heap } from '../../web/lib/heap.js';
import { median, round3, seededTensor } from './timing.mjs';

const MODULE = fileURLToPath(new URL('../../build/wasm/bench_engine.wasm', import.meta.url));
/** A heap that remembers the engine's context. */
class BenchHeap extends Heap {
  context = 0;

  /** @override @param {string} name @param {...number} args */
  call(name, ...args) {
    const result = super.call(name, ...args);
    if (name === 'vit158_wasm_open') this.context = result;
    return result;
  }
}

const file = process.argv[2];
const runs = Number(process.argv[3] ?? 15);
const warmMs = Number(process.argv[4] ?? 1500);
const module = new WebAssembly.Module(readFileSync(MODULE));
const clock = { env: { now_ms: () => performance.now() } };
const heap = new BenchHeap(new WebAssembly.Instance(module, clock));
const engine = new Engine(heap);
const bytes = readFileSync(file);
engine.loadBegin(bytes.length);
engine.loadPush(bytes);
engine.loadEnd();
engine.plan({ engine: 'auto', gemm: 'auto', explain: false });
const { channels, imageSize } = engine.modelInfo();
const input = seededTensor(channels * imageSize ** 2);
const last = engine.stepNames.length - 1;

/** @type {string[]} */
const operations = [];
for (let i = 0; ; i++) {
  const name = heap.text(heap.call('vit158_profile_name', i));
  if (name === '') break;
  operations.push(name);
}
heap.call('bench_profile_attach', heap.context);

/** One pass: milliseconds by operation. */
function pass() {
  /** @type {Record<string, number>} */
  const ms = { total: 0 };
  let rest = 0;
  engine.setTensor(input);
  for (let step = 0; step <= last; step++) {
    const begin = performance.now();
    engine.step();
    const time = performance.now() - begin;
    ms.total += time;
    const inBlock = step > 0 && step < last;
    if (inBlock) rest += time;
    else ms[step === 0 ? 'patch embedding' : 'head'] = time;
    for (const [i, name] of operations.entries()) {
      const part = heap.call('vit158_profile_take', i);
      if (!inBlock) continue;
      ms[name] = (ms[name] ?? 0) + part;
      rest -= part;
    }
  }
  return { ...ms, 'rest of the blocks': rest };
}

for (const begin = performance.now(); performance.now() - begin < warmMs;) pass();
/** @type {Record<string, number>[]} */
const passes = Array.from({ length: runs }, pass);
const total = median(passes.map((ms) => ms.total));
for (const operation of [...operations, 'patch embedding', 'head', 'rest of the blocks', 'total']) {
  const ms = median(passes.map((one) => one[operation]));
  if (ms > 0)
    console.log(
      JSON.stringify({
        kind: 'profile',
        system: 'vit158',
        model: basename(file, '.safetensors'),
        env: 'node',
        operation,
        ms: round3(ms),
        share: round3(ms / total),
      }),
    );
}
