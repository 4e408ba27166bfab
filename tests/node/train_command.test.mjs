// SPDX-License-Identifier: MIT
// `vit158 train` and `vit158 plot` as commands: a run killed with SIGKILL goes on from its checkpoint
// to the same bytes, mistakes are said in one line, the recipes are read, and their page lists every key.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = join(ROOT, 'build/native/vit158');
const FOLDER = mkdtempSync(join(tmpdir(), 'vit158-train-'));
after(() => rmSync(FOLDER, { recursive: true }));

/** @param {...string} args */
const run = (...args) => spawnSync(COMMAND, args, { encoding: 'utf8', cwd: FOLDER });

/** 120 records in CIFAR's format; the label sets the brightness. */
function writePictures() {
  const bytes = Buffer.alloc(120 * 3073);
  let noise = 1;
  for (let i = 0; i < 120; i++) {
    bytes[i * 3073] = i % 10;
    for (let j = 1; j < 3073; j++) {
      noise = (noise * 1103515245 + 12345) & 0x7fffffff;
      bytes[i * 3073 + j] = 20 * (i % 10) + ((noise >> 24) % 64);
    }
  }
  writeFileSync(join(FOLDER, 'pictures.bin'), bytes);
}

const RECIPE = `train_data = pictures.bin
val_every = 6
dim = 64
heads = 2
depth = 2
mlp_dim = 64
batch = 20
epochs = 16
warmup_steps = 5
crop = 2
flip = 1
mix = 0.5
deterministic = 1
eval_minutes = 0
checkpoint_minutes = 0
`;

test('a run killed in the middle continues to the same bytes', async () => {
  writePictures();
  writeFileSync(join(FOLDER, 'tiny.recipe'), RECIPE);
  const whole = run('train', 'tiny.recipe', '-o', 'whole', '-q');
  assert.equal(whole.status, 0, whole.stderr);
  const child = spawn(COMMAND, ['train', 'tiny.recipe', '-o', 'cut', '-q'], { cwd: FOLDER });
  const ended = new Promise((resolve) => {
    child.on('exit', resolve);
  });
  const log = join(FOLDER, 'cut/log.jsonl');
  while (!existsSync(log) || readFileSync(log, 'utf8').split('"eval"').length < 6)
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  child.kill('SIGKILL');
  await ended;
  assert.ok(!existsSync(join(FOLDER, 'cut/last.safetensors')), 'the run was over before the kill');
  const rest = run('train', 'tiny.recipe', '-o', 'cut', '-q', '--resume', 'cut/last.ckpt');
  assert.equal(rest.status, 0, rest.stderr);
  assert.deepEqual(
    readFileSync(join(FOLDER, 'cut/last.safetensors')),
    readFileSync(join(FOLDER, 'whole/last.safetensors')),
  );
});

test('a folder that holds a run is not trained over', () => {
  const best = readFileSync(join(FOLDER, 'whole/best.safetensors'));
  const again = run('train', 'tiny.recipe', '-o', 'whole', '-q');
  assert.equal(again.status, 1);
  assert.match(again.stderr, /whole holds another run \(best\.safetensors\): name another folder with --out, or go on/);
  assert.deepEqual(readFileSync(join(FOLDER, 'whole/best.safetensors')), best);
});

test('a run ends with its files and the next command', () => {
  const { status, stdout, stderr } = run('train', 'tiny.recipe', '-o', 'said', '--max-steps', '8');
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /written to said:.* last\.ckpt log\.jsonl\nnext: (vit158 pack said\/best\.safetensors -o model\.safetensors|go on with --resume said\/last\.ckpt)\n$/,
  );
});

test('plot refuses what is no log', () => {
  for (const [name, text] of [
    ['empty.jsonl', ''],
    ['text.jsonl', 'hello\n'],
    ['other.jsonl', '{"type":"other"}\n'],
  ]) {
    writeFileSync(join(FOLDER, name), text);
    const { status, stderr } = run('plot', name, '-o', 'no.svg');
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`${name}: no log of a training run`));
    assert.ok(!existsSync(join(FOLDER, 'no.svg')));
  }
});

test('plot draws the log', () => {
  const plot = run('plot', 'whole/log.jsonl', '-o', 'curve.svg');
  assert.equal(plot.status, 0, plot.stderr);
  const svg = readFileSync(join(FOLDER, 'curve.svg'), 'utf8');
  assert.match(svg, /^<svg [^>]*viewBox/);
  assert.match(svg, /validation loss/);
  assert.ok((svg.match(/<polyline/g) ?? []).length >= 4);
  assert.equal(run('plot', 'missing.jsonl').status, 1);
});

test('the packed model of a run is taken by the other commands', () => {
  const pack = run('pack', 'whole/best.safetensors', '-o', 'tiny.safetensors');
  assert.equal(pack.status, 0, pack.stderr);
  assert.match(run('inspect', 'tiny.safetensors').stdout, /recipe|formula\s+\d+\s+equal/);
});

test('mistakes are said', () => {
  writeFileSync(join(FOLDER, 'wrong.recipe'), `${RECIPE}learning_rate = 1\n`);
  const wrong = run('train', 'wrong.recipe');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /wrong\.recipe:16: unknown key "learning_rate"/);
  assert.match(run('train', 'tiny.recipe', '--set', 'dim=63').stderr, /multiple of 16/);
  assert.match(run('train', 'tiny.recipe', '--set', 'train_data=none').stderr, /none is no folder/);
  assert.match(run('train', 'tiny.recipe', '--resume', 'none.ckpt', '-o', 'x').stderr, /none\.ckpt/);
  assert.equal(run('train').status, 2);
});

test('every recipe that is shipped is one', () => {
  const folder = join(ROOT, 'models/recipes');
  const recipes = readdirSync(folder).filter((name) => name.endsWith('.recipe'));
  assert.ok(recipes.length >= 3);
  for (const name of recipes) {
    // Read whole and without an error, as far as to the data.
    const { status, stderr } = run('train', join(folder, name), '--set', 'train_data=absent');
    assert.equal(status, 1);
    assert.match(stderr, /absent is no folder/, name);
  }
});

test('the page on recipes lists every key, its default and meaning', () => {
  const rows = run('train', '--keys')
    .stdout.trim()
    .split('\n')
    .map((line) => {
      const [, key, value, meaning] = line.match(/^(\w+) = (.*) {2}# (.*)$/) ?? [];
      return `| \`${key}\` | ${value} | ${meaning} |`;
    });
  const page = readFileSync(join(ROOT, 'models/recipes/README.md'), 'utf8');
  assert.deepEqual(
    page
      .split('\n')
      .filter(
        (line) =>
          line.startsWith('| `') &&
          line.split('|').length === 5 &&
          !line.includes('.ckpt') &&
          !line.includes('.safetensors') &&
          !line.includes('.jsonl'),
      ),
    rows,
  );
});
