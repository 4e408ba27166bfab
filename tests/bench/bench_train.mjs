// SPDX-License-Identifier: MIT
// Training speed against Debian's PyTorch on the same model, batch and threads, interleaved:
//   node tests/bench/bench_train.mjs [rounds] [threads]
// Each round runs ours (AdamW; gradients of 16, then of 8 bits), PyTorch with OPENBLAS_CORETYPE=SkylakeX and PyTorch as installed.
// Prints every run, then per variant the median over rounds of images a second (best step of a run)
// and of processor milliseconds an image, and ratios.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './timing.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const rounds = Number(process.argv[2] ?? 3);
const threads = String(process.argv[3] ?? 2);

/** @type {Record<string, {command: string, args: string[], env: Record<string, string>}>} */
const VARIANTS = {
  vit158: {
    command: join(ROOT, 'build/native/bench_train'),
    args: ['--threads', threads, '--optimiser', 'adamw', '--steps', '8'],
    env: {},
  },
  'vit158, gradient_bits 8': {
    command: join(ROOT, 'build/native/bench_train'),
    args: ['--threads', threads, '--optimiser', 'adamw', '--steps', '8', '--gradient_bits', '8'],
    env: {},
  },
  'torch, SkylakeX': {
    command: '/usr/bin/python3',
    args: [join(ROOT, 'tests/bench/train_torch.py'), '--threads', threads],
    env: { OPENBLAS_CORETYPE: 'SkylakeX', OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
  },
  torch: {
    command: '/usr/bin/python3',
    args: [join(ROOT, 'tests/bench/train_torch.py'), '--threads', threads],
    env: { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
  },
};

/** @type {Record<string, {best_images_per_second: number, cpu_ms_per_image: number}[]>} */
const results = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, { command, args, env }] of Object.entries(VARIANTS)) {
    const run = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } });
    if (run.status !== 0) throw new Error(`${name}: ${run.stderr || run.error}`);
    results[name].push(JSON.parse(run.stdout));
    process.stdout.write(`${name}: ${run.stdout.trim()}\n`);
  }
}
const summary = Object.entries(results).map(([name, runs]) => ({
  name,
  images_per_second: median(runs.map((r) => r.best_images_per_second)),
  cpu_ms_per_image: median(runs.map((r) => r.cpu_ms_per_image)),
}));
for (const s of summary) {
  process.stdout.write(
    `${JSON.stringify({
      ...s,
      first_is_faster_by: +(summary[0].images_per_second / s.images_per_second).toFixed(2),
      first_needs_less_cpu_by: +(s.cpu_ms_per_image / summary[0].cpu_ms_per_image).toFixed(2),
    })}\n`,
  );
}
