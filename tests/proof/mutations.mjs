// SPDX-License-Identifier: MIT
// Whether tests notice: `node tests/proof/mutations.mjs [NAME...]` changes one line of a C file at a time
// in a copy of src, builds the tests named beside it, and runs them until one fails. A change that every
// one of them survives is printed as missed, and the exit code is 1. With names, only the files whose
// path has one of them.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../setup.mjs';

const WORK = join(ROOT, 'build/mutations');
const BUILD = join(WORK, 'build');

/** @typedef {[file: string, line: string, changed: string, tests: string]} Mutation */

/** What is changed, and the tests that should notice. @type {Mutation[]} */
export const MUTATIONS = [
  ['base/arena.c', 'count > (SIZE_MAX - slack) / size', 'count > SIZE_MAX / size', 'test_base'],
  ['base/arena.c', 'if (arena->used > overlay->end)', 'if (arena->used < overlay->end)', 'test_base test_session'],
  ['base/numerics.h', 'return 127.0F / (absmax > VIT158', 'return 126.0F / (absmax > VIT158', 'test_session'],
  ['base/planes.c', 'counts[o] > plane', 'counts[o] >= plane', 'test_sums'],
  [
    'model/header.c',
    'if (entry->begin != out->data_bytes)',
    'if (entry->begin < out->data_bytes)',
    'test_model_container',
  ],
  ['model/weights.c', '!(values[i] > 0.0F)', '!(values[i] >= 0.0F)', 'test_model_rules test_sums'],
  ['model/layout.c', '(!e->is_newer && !half_scale)', '!e->is_newer', 'test_sums test_model_rules'],
  ['model/encodings.c', 'e->rows > VIT158_MAX_PLANES * e->n_out', 'e->rows > 5 * e->n_out', 'test_sums'],
  ['model/linear_parts.c', 'result.or_one = rows == n_out_of(layout, linear);', 'result.or_one = true;', 'test_sums'],
  [
    'image/exif.c',
    'orientation >= 1 && orientation <= 8',
    'orientation <= 8',
    'test_image_decode test_image_malformed',
  ],
  ['image/png_check.c', 'c->n_bytes / 3 > 256', 'c->n_bytes / 3 > 257', 'test_image_malformed'],
  ['image/jpeg_check.c', 'if (values[i] > 15)', 'if (values[i] > 16)', 'test_image_malformed'],
  [
    'image/jpeg_check.c',
    'if (blocks > info->entropy_bytes * 8)',
    'if (blocks > info->entropy_bytes * 80)',
    'test_image_hostile test_image_malformed',
  ],
  ['image/preprocess.c', 'half + (half & 1)', 'half + 1', 'test_image_resize'],
  [
    'engine/rollout.c',
    '1.0F / (float)(f->explain->end - f->explain->first)',
    '1.0F / (float)f->explain->end',
    'test_variants test_session',
  ],
  ['engine/rollout.c', 'j == first + i ? 0.5F : 0.0F', 'j == first + i ? 0.4F : 0.0F', 'test_session'],
  ['engine/attention_int.c', '#define LARGEST_STEP 1e21F', '#define LARGEST_STEP 1e36F', 'test_numeric_edges'],
  ['kernels/softmax_scalar.c', '*doubt = *doubt + (x - x);', '*doubt = 0.0F;', 'test_numeric_edges'],
  [
    'kernels/norm_scalar.c',
    'sqrtf(variance + norm->eps) + (variance - variance)',
    'sqrtf(variance + norm->eps)',
    'test_numeric_edges',
  ],
  ['predict/top_k.c', 'logit <= best[k - 1].score', 'logit < best[k - 1].score', 'test_top_k'],
  ['predict/top_k.c', 'logit > best[at - 1].score', 'logit >= best[at - 1].score', 'test_top_k'],
  ['compress/allocate.c', 'losses[at - 1] <= losses[at]', 'losses[at - 1] < losses[at]', 'test_compress_allocate'],
  ['compress/round_row.c', 'damping * trace / (double)n + 1e-12', 'damping * trace / (double)n', 'test_compress_round'],
  ['compress/cholesky.c', 'if (!(pivot > 0))', 'if (!(pivot >= 0))', 'test_compress_round'],
  ['compress/activation_range.c', '#define PERCENTILE 0.9999', '#define PERCENTILE 0.999', 'test_compress_static'],
  ['import/positions.c', 'const double a = -0.5;', 'const double a = -0.75;', 'test_import_layouts'],
  ['import/zip_read.c', 'entry->packed_bytes > size - *offset', 'entry->packed_bytes > size', 'test_import_malformed'],
  ['import/import_plan.c', 'value == 0 || value > max', 'value > max', 'test_import_malformed'],
  ['train/loss.c', 'loss += k * t * t *', 'loss += k * t *', 'test_train_gradient'],
  ['train/checkpoint.c', 'if (t->optimiser.v[i] < 0.0F)', 'if (t->optimiser.v[i] < -1.0F)', 'test_train_resume'],
  [
    'train/checkpoint.c',
    'if (state.position > t->train.count)',
    'if (state.position > t->train.count + 1)',
    'test_train_resume',
  ],
  ['train/augment.c', 'u + v > 0.0F && u + v <= 1.0F', 'u + v <= 1.0F', 'test_train_augment'],
  ['train/augment.c', 'side - 1 - x', 'side - x', 'test_train_augment'],
];

/** A copy of src that may be changed, beside links to all else. */
function prepare() {
  mkdirSync(WORK, { recursive: true });
  rmSync(join(WORK, 'src'), { recursive: true, force: true });
  cpSync(join(ROOT, 'src'), join(WORK, 'src'), { recursive: true, preserveTimestamps: true });
  for (const name of ['CMakeLists.txt', 'LICENSE', 'THIRD-PARTY.md', 'models', 'tests', 'web', 'wasm_build'])
    if (!existsSync(join(WORK, name))) symlinkSync(join(ROOT, name), join(WORK, name));
  execFileSync('cmake', ['-S', WORK, '-B', BUILD, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release'], { stdio: 'ignore' });
}

/** @param {string[]} tests @returns {boolean} */
const build = (tests) => spawnSync('cmake', ['--build', BUILD, '--target', ...tests], { stdio: 'ignore' }).status === 0;

/** The first of these tests that fails, or ''. A test that hangs has noticed, too. @param {string[]} tests */
const noticed = (tests) =>
  tests.find((test) => spawnSync(join(BUILD, test), { cwd: BUILD, stdio: 'ignore', timeout: 300_000 }).status !== 0) ??
  '';

/**
 * Makes one change, tells whether a test notices, and takes it back.
 * @param {Mutation} mutation
 * @returns {string} what noticed, '' if nothing did
 */
function tryOne([file, line, changed, list]) {
  const path = join(WORK, 'src', file);
  const text = readFileSync(path, 'utf8');
  if (!text.includes(line)) throw new Error(`${file} has no ${line}`);
  const tests = list.split(' ');
  writeFileSync(
    path,
    text.replace(line, () => changed),
  );
  try {
    return build(tests) ? noticed(tests) : 'the compiler';
  } finally {
    writeFileSync(path, text);
  }
}

/** @param {string[]} names @returns {{mutation: Mutation, by: string}[]} */
export function mutate(names = []) {
  const chosen = MUTATIONS.filter(([file]) => names.length === 0 || names.some((name) => file.includes(name)));
  prepare();
  const tests = [...new Set(chosen.flatMap(([, , , list]) => list.split(' ')))];
  if (!build(tests)) throw new Error('the tests do not build');
  const failing = noticed(tests);
  if (failing !== '') throw new Error(`${failing} fails without any change`);
  return chosen.map((mutation) => {
    const by = tryOne(mutation);
    console.log(`${by === '' ? 'MISSED ' : 'noticed'} ${mutation[0]}: ${mutation[2]}${by === '' ? '' : ` (${by})`}`);
    return { mutation, by };
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const missed = mutate(process.argv.slice(2)).filter(({ by }) => by === '');
  console.log(`${missed.length} missed`);
  process.exitCode = missed.length > 0 ? 1 : 0;
}
