// SPDX-License-Identifier: MIT
// Training speed against Debian's PyTorch on the same model, batch and threads, interleaved:
//   node tests/bench/bench_train.mjs [ROUNDS [THREADS [small|vit-ti]]]
// small is a ternary model of 32 x 32 pixels, vit-ti the network that `vit158 finetune` starts from at
// 224 x 224, ternary and float. Each round runs every variant once (AdamW; gradients of 16, then of 8
// bits; PyTorch with the kernels its BLAS has for this processor, and as installed). Prints every run,
// then for each variant the median over rounds of images a second (best step of a run) and of processor
// milliseconds an image, and what ours has over it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './timing.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const rounds = Number(process.argv[2] ?? 3);
const threads = String(process.argv[3] ?? 2);
const geometry = process.argv[4] ?? 'small';

/** Keys of a recipe. @type {Record<string, Record<string, number>>} */
const GEOMETRIES = {
  small: { batch: 128, dim: 192, depth: 6, heads: 3, mlp_dim: 384, patch_size: 4, image_size: 32 },
  'vit-ti': { batch: 20, dim: 192, depth: 12, heads: 3, mlp_dim: 768, patch_size: 16, image_size: 224 },
};
const shape = GEOMETRIES[geometry];
if (!shape) throw new Error(`no geometry ${geometry}; there are ${Object.keys(GEOMETRIES).join(', ')}`);
const same = Object.entries({ threads, ...shape }).flatMap(([key, value]) => [`--${key}`, String(value)]);
const steps = ['--steps', geometry === 'small' ? '8' : '3'];
const own = geometry === 'small' ? [] : ['--microbatch', '5'];

/** OpenBLAS of Debian takes the wrong kernels for some processors unless it is told. */
const core = readFileSync('/proc/cpuinfo', 'utf8').includes('avx512f') ? 'SkylakeX' : 'Haswell';

/** @typedef {{command: string, args: string[], env: Record<string, string>}} Variant */
/** @param {...string} args @returns {Variant} */
const ours = (...args) => ({
  command: join(ROOT, 'build/native/bench_train'),
  args: [...same, ...steps, ...own, '--optimiser', 'adamw', ...args],
  env: {},
});
/** @param {Record<string, string>} env @param {...string} args @returns {Variant} */
const torch = (env, ...args) => ({
  command: '/usr/bin/python3',
  args: [join(ROOT, 'tests/bench/train_torch.py'), ...same, ...steps, ...args],
  env: { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads, ...env },
});

/** Ours and PyTorch's on one kind of weights. @param {string} weights @returns {Record<string, Variant>} */
const pair = (weights) => ({
  [`vit158 ${weights}`]: ours('--weights', weights, '--inner_norms', weights === 'ternary' ? '1' : '0'),
  ...(weights === 'ternary' && {
    'vit158 ternary, gradient_bits 8': ours('--weights', weights, '--gradient_bits', '8'),
  }),
  [`torch ${weights}, ${core}`]: torch({ OPENBLAS_CORETYPE: core }, '--weights', weights),
});

/** Kinds of weights, each with its variants; the first of each is what the others are compared with. */
const kinds = [
  { ...pair('ternary'), ...(geometry === 'small' && { torch: torch({}) }) },
  ...(geometry === 'small' ? [] : [pair('float')]),
];

/** @type {Record<string, {best_images_per_second: number, cpu_ms_per_image: number}[]>} */
const results = Object.fromEntries(kinds.flatMap(Object.keys).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, { command, args, env }] of kinds.flatMap(Object.entries)) {
    const run = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } });
    if (run.status !== 0) throw new Error(`${name}: ${run.stderr || run.error}`);
    results[name].push(JSON.parse(run.stdout));
    process.stdout.write(`${name}: ${run.stdout.trim()}\n`);
  }
}
/** @param {string} name */
const summary = (name) => ({
  name,
  images_per_second: median(results[name].map((run) => run.best_images_per_second)),
  cpu_ms_per_image: median(results[name].map((run) => run.cpu_ms_per_image)),
});
for (const variants of kinds) {
  const [first, ...rest] = Object.keys(variants).map(summary);
  for (const one of [first, ...rest])
    process.stdout.write(
      `${JSON.stringify({
        ...one,
        first_is_faster_by: +(first.images_per_second / one.images_per_second).toFixed(2),
        first_needs_less_cpu_by: +(one.cpu_ms_per_image / first.cpu_ms_per_image).toFixed(2),
      })}\n`,
    );
}
