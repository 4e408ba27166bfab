// SPDX-License-Identifier: MIT
// ThreadSanitizer watches everything that runs on threads: the pool, sessions, the trainer, and the commands that
// share images among workers and one image among threads, that quantize, distil and fine-tune.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, copyFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT } from '../setup.mjs';

const BUILD = join(ROOT, 'build/tsan');
const MODEL = join(ROOT, 'models/vit158-cifar10.safetensors');
const IMAGES = join(ROOT, 'tests/data/images');
/** On threads, or linked with what is. */
const TESTS = ['test_pool', 'test_session', 'test_session_edges', 'test_train_run', 'test_train_resume'];

const scratch = mkdtempSync(join(tmpdir(), 'vit158-races-'));
after(() => rmSync(scratch, { recursive: true }));

/** Runs a program that must succeed without a word of ThreadSanitizer. @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, TSAN_OPTIONS: 'halt_on_error=1 second_deadlock_stack=1' },
  });
  assert.doesNotMatch(stderr, /ThreadSanitizer/);
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
}

before(() => {
  run('cmake', ['--preset', 'tsan']);
  run('cmake', ['--build', '--preset', 'tsan', '--target', 'vit158_command', ...TESTS]);
});

for (const name of TESTS) test(name, () => run(join(BUILD, name), []));

test('classify: images among workers, one image among threads', () => {
  const images = ['rgb_8.png', 'baseline_420.jpg', 'grey.jpg', 'orientation_6.jpg', 'progressive.jpg'].map((name) =>
    join(IMAGES, name),
  );
  run(join(BUILD, 'vit158'), ['classify', '-m', MODEL, '--workers', '3', '--threads', '1', ...images]);
  run(join(BUILD, 'vit158'), ['classify', '-m', MODEL, '--workers', '1', '--threads', '3', ...images]);
  run(join(BUILD, 'vit158'), ['classify', '-m', MODEL, '--workers', '2', '--threads', '2', ...images]);
});

test('eval of a folder', () => {
  for (const label of ['cat', 'dog']) {
    mkdirSync(join(scratch, label), { recursive: true });
    for (const name of ['rgb_8.png', 'baseline_420.jpg']) copyFileSync(join(IMAGES, name), join(scratch, label, name));
  }
  run(join(BUILD, 'vit158'), ['eval', '-m', MODEL, '--workers', '2', '--threads', '2', scratch]);
});

test('recording and checking an answer, a search for merges', () => {
  const [golden, merges, images] = ['golden.json', 'merges.json', 'images'].map((name) => join(scratch, name));
  run(join(BUILD, 'vit158'), ['record', MODEL, join(IMAGES, 'rgb_8.png'), '-o', golden, '--threads', '3']);
  run(join(BUILD, 'vit158'), ['verify', golden]);
  mkdirSync(images);
  copyFileSync(join(IMAGES, 'baseline_420.jpg'), join(images, 'a.jpg'));
  run(join(BUILD, 'vit158'), ['merge-search', MODEL, '--calibrate', images, '--json', merges]);
});

/** Sound images of all kinds. */
const SOME = ['rgb_8.png', 'baseline_420.jpg', 'grey.jpg', 'orientation_6.jpg', 'progressive.jpg', 'ycck.jpg'];

test('quantizing, with distillation', () => {
  const [source, calibrate, out] = ['float.safetensors', 'calibrate', 'ternary.safetensors'].map((name) =>
    join(scratch, name),
  );
  mkdirSync(calibrate);
  for (const name of SOME) copyFileSync(join(IMAGES, name), join(calibrate, name));
  const timm = join(ROOT, 'tests/data/import/timm');
  run(join(BUILD, 'vit158'), ['import', timm, '-o', source, '--weights', 'f32', '--heads', '1']);
  for (const options of [
    ['--weights', 'rows:2', '--distill-updates', '2'],
    ['--method', 'mrem-p', '--weights', 'rows:1', '--updates', '4'],
    ['--method', 'ptq-vit', '--weights', 'int8'],
  ])
    run(join(BUILD, 'vit158'), [
      ...['quantize', source, '--calibrate', calibrate, '-o', out],
      ...['--threads', '3', ...options],
    ]);
});

test('fine-tuning: embedding, head, float and ternary network', () => {
  const folder = join(scratch, 'photos');
  for (const [label, own] of [
    ['a', 'rgb_8.png'],
    ['b', 'grey.jpg'],
  ]) {
    mkdirSync(join(folder, label), { recursive: true });
    for (let i = 0; i < 40; i++) copyFileSync(join(IMAGES, own), join(folder, label, `${i}-${own}`));
    for (const name of SOME.slice(3)) copyFileSync(join(IMAGES, name), join(folder, label, name));
  }
  run(join(BUILD, 'vit158'), [
    ...['finetune', folder, '--base', join(ROOT, 'models/fashion-mnist.safetensors'), '--quiet'],
    ...['-o', join(scratch, 'tuned.safetensors'), '--minutes', '0.02', '--clock', 'processor', '--threads', '3'],
  ]);
});
