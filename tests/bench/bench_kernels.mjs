// SPDX-License-Identifier: MIT
// Kernel benchmarks in this Node's V8: `node tests/bench/bench_kernels.mjs [--json] [--rounds N]
// [--only NAME] [--crossover] [--module FILE]`. A line has GMAC/s and the machine's peaks measured in
// the same module and rounds (measure_kernels.mjs).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureKernels } from './measure_kernels.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '9' },
    only: { type: 'string', default: '' },
    crossover: { type: 'boolean', default: false },
    warm: { type: 'string', default: '1500' },
    module: {
      type: 'string',
      default: fileURLToPath(new URL('../../build/wasm/bench_kernels.wasm', import.meta.url)),
    },
  },
});

const rows = await measureKernels({
  base64: readFileSync(options.module).toString('base64'),
  env: 'node',
  rounds: Number(options.rounds),
  only: options.only,
  crossover: options.crossover,
  warmMs: Number(options.warm),
});
for (const row of rows) {
  const kind = row.name === 'f32' ? 'f32' : 'dot';
  const peak = Number(row[`${kind}_peak_gmacs`]);
  const shape = `${String(row.n_in).padStart(4)} -> ${String(row.n_out).padEnd(4)} N=${String(row.n_tokens).padEnd(3)}`;
  console.log(
    options.json
      ? JSON.stringify(row)
      : `${String(row.name).padEnd(10)} ${shape} ${Number(row.gmacs).toFixed(1).padStart(6)} GMAC/s, ` +
          `${(Number(row.gmacs) / peak).toFixed(2)} of the ${kind} peak ${peak.toFixed(1)}`,
  );
}
