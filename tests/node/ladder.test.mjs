// SPDX-License-Identifier: MIT
// The ladder's statistics against hand-made ones, its table and picture, and the command on tiny models.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { divergence, drawLadder, markdownTable, standardError } from '../bench/ladder_table.mjs';
import { ROOT, run, temporaryFolder } from './shared.mjs';

test('divergence and standard error', () => {
  assert.equal(divergence([1, 2, 3], [1, 2, 3]), 0);
  assert.ok(Math.abs(divergence([1, 2, 3], [101, 102, 103])) < 1e-12);
  /* A third each against 1/2, 1/4, 1/4. */
  const expected = (Math.log(2 / 3) + 2 * Math.log(4 / 3)) / 3;
  assert.ok(Math.abs(divergence([0, 0, 0], [Math.log(2), 0, 0]) - expected) < 1e-12);
  assert.ok(Math.abs(standardError(0.5, 100) - 0.05) < 1e-12);
});

const row = {
  ...{ name: 'float', images: 100, top1: 0.8, top1_error: 0.04, top1_paired_error: 0, top5: 0.95, agreement: 1 },
  ...{ divergence: 0, file_bytes: 22.9e6, wasm_bytes: 80 * 2 ** 20, ms: 100, gmacs: 11 },
};
const small = { ...row, name: '<1 row>', top1: 0.45, top1_paired_error: 0.05, agreement: 0.5, file_bytes: 1.6e6 };

test('the table has every number, the picture every file', () => {
  const [head, line, first, second] = markdownTable([row, small]).split('\n');
  assert.equal(new Set([head, line, first, second].map((text) => text.split('|').length)).size, 1);
  assert.match(first, /float \| 22\.90 MB \| 80\.0 MiB \| 80\.0 % ± 4\.0 \|\s+\| 95\.0 %/);
  assert.match(second, /45\.0 % ± 4\.0 \| −35\.0 ± 5\.0 \| 95\.0 % \| 50\.0 %/);
  const svg = drawLadder([row, small]);
  assert.equal(svg.split('class="top1"').length, 3);
  assert.equal(svg.split('class="equal"').length, 2);
  assert.ok(svg.includes('&#60;1 row&#62;') && !svg.includes('<1 row>'));
});

test('the command judges files on labelled pictures', () => {
  const folder = temporaryFolder();
  const samples = join(ROOT, 'models/samples');
  const files = readdirSync(samples).filter((name) => name.endsWith('.jpg'));
  for (const name of ['cat', 'ship', 'truck']) {
    mkdirSync(join(folder, name));
    for (const file of files.filter((_, i) => i % 3 === 0)) cpSync(join(samples, file), join(folder, name, file));
  }
  const model = join(ROOT, 'models/vit158-cifar10.safetensors');
  const [json, svg] = [join(folder, 'out.json'), join(folder, 'out.svg')];
  const args = [
    '--images',
    folder,
    '--rounds',
    '1',
    '--limit',
    '6',
    '--json',
    json,
    '--svg',
    svg,
    '--answers',
    join(folder, 'kept'),
  ];
  const ladder = () => run(process.execPath, [join(ROOT, 'tests/bench/ladder.mjs'), ...args, `one=${model}`, model]);
  const { code, stdout, stderr } = ladder();
  assert.equal(code, 0, stderr);
  assert.equal(readdirSync(join(folder, 'kept')).length, 1); /* the same file twice */
  const rows = JSON.parse(readFileSync(json, 'utf8'));
  assert.deepEqual(
    rows.map((/** @type {{name: string}} */ { name }) => name),
    ['one', 'vit158-cifar10'],
  );
  for (const { agreement, divergence: distance, images, ms, gmacs } of rows) {
    assert.equal(agreement, 1);
    assert.equal(distance, 0);
    assert.equal(images, 6);
    assert.ok(ms > 0 && gmacs > 0);
  }
  assert.equal(stdout.trim().split('\n').length, 4);
  assert.match(readFileSync(svg, 'utf8'), /^<svg/);
  const [kept] = readdirSync(join(folder, 'kept'));
  const bytes = readFileSync(join(folder, 'kept', kept));
  writeFileSync(join(folder, 'kept', kept), Buffer.alloc(bytes.length));
  assert.match(ladder().stdout, /100\.0 % \| 0\.0 /); /* what is kept is taken: all classes alike */
  const wrong = run(process.execPath, [join(ROOT, 'tests/bench/ladder.mjs'), model]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /npm run ladder/);
});
