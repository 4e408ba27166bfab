// SPDX-License-Identifier: MIT
// `vit158 finetune` as a command: a folder of striped images and a packed model become a ternary model that knows
// the stripes, also in the engine; what was complete is not done again; mistakes are said.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from '../setup.mjs';
import { writePng } from './png.mjs';

const FOLDER = mkdtempSync(join(tmpdir(), 'vit158-finetune-'));
const BASE = join(ROOT, 'models/fashion-mnist.safetensors');
const SIDE = 28;
const CLASSES = ['across', 'down', 'rising', 'falling'];
const DIRECTIONS = [
  [0, 1],
  [1, 0],
  [0.7, 0.7],
  [-0.7, 0.7],
];
after(() => rmSync(FOLDER, { recursive: true }));

/** @param {...string} args */
const run = (...args) => spawnSync(join(ROOT, 'build/native/vit158'), args, { encoding: 'utf8', cwd: FOLDER });

/** `count` images a class: stripes of any phase in the class's direction under noise. @param {string} to @param {number} count @param {number} seed */
function writePictures(to, count, seed) {
  let noise = seed;
  const random = () => (noise = (noise * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  CLASSES.forEach((name, c) => {
    mkdirSync(join(FOLDER, to, name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const data = new Uint8Array(3 * SIDE * SIDE);
      const phase = 6.28 * random();
      for (let p = 0; p < SIDE * SIDE; p++) {
        const wave = Math.sin(phase + 0.8 * (DIRECTIONS[c][0] * (p % SIDE) + DIRECTIONS[c][1] * Math.floor(p / SIDE)));
        data.fill(Math.max(0, Math.min(255, 128 + 70 * wave + 120 * (random() - 0.5))), 3 * p, 3 * p + 3);
      }
      writeFileSync(join(FOLDER, to, name, `${i}.png`), writePng({ data, width: SIDE, height: SIDE }));
    }
  });
}

/** Best validation accuracy in a stage's log. @param {string} stage */
const best = (stage) =>
  Math.max(
    ...readFileSync(join(FOLDER, `stripes.safetensors.run/${stage}/log.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'eval')
      .map(({ val_accuracy }) => val_accuracy),
  );

test('a folder becomes a ternary model', () => {
  writePictures('photos/train', 60, 1);
  writePictures('photos/val', 40, 2);
  const done = run('finetune', 'photos', '--base', BASE, '-o', 'stripes.safetensors', '--minutes', '0.5');
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /starts from .*fashion-mnist.safetensors: \d+ blocks taken; a new head for other classes/);
  assert.match(done.stdout, /teacher: \d+/);
  const accuracies = ['head', 'float', 'ternary'].map(best);
  assert.ok(
    accuracies.every((share) => share > 0.5),
    `head, float, ternary: ${accuracies}`,
  ); // chance is 0.25
  const { status, stdout, stderr } = run('eval', 'photos/val', '--model', 'stripes.safetensors', '--json');
  assert.equal(status, 0, stderr);
  const { top1 } = JSON.parse(stdout);
  assert.ok(Math.abs(top1 - accuracies[2]) < 0.03, `the engine finds ${top1}, the trainer ${accuracies[2]}`);
});

test('what is complete is not done again', () => {
  const log = join(FOLDER, 'stripes.safetensors.run/head/log.jsonl');
  const before = readFileSync(log, 'utf8');
  const again = run(
    'finetune',
    'photos',
    '--base',
    BASE,
    '-o',
    'again.safetensors',
    '--work',
    'stripes.safetensors.run',
  );
  assert.equal(again.status, 0, again.stderr);
  assert.equal(readFileSync(log, 'utf8'), before);
  assert.deepEqual(readFileSync(join(FOLDER, 'again.safetensors')), readFileSync(join(FOLDER, 'stripes.safetensors')));
});

test('mistakes are said', () => {
  assert.equal(run('finetune', 'photos', '--base', BASE).status, 2);
  assert.match(run('finetune', 'photos', '-o', 'x').stderr, /what to start from with --base MODEL/);
  for (const [args, message] of /** @type {[string[], RegExp][]} */ ([
    [['absent', '--base', BASE], /absent/],
    [['photos', '--base', 'absent.safetensors'], /absent\.safetensors/],
  ])) {
    const { status, stderr } = run('finetune', ...args, '-o', 'none.safetensors');
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.match(stderr, /^vit158 finetune: [^\n]*\n$/);
  }
  assert.ok(!existsSync(join(FOLDER, 'none.safetensors')));
});
