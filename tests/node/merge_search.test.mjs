// SPDX-License-Identifier: MIT
// `vit158 merge-search`: what it finds is a curve, its lists run, its bounds hold; mistakes are one clear error.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT, nativeCommand, npmCommand, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const folder = temporaryFolder();
const MODEL = join(ROOT, 'models/vit158-cifar10.safetensors');
const SAMPLES = join(ROOT, 'models/samples');
const json = join(folder, 'merges.json');
const svg = join(folder, 'merges.svg');

/** @param {string[]} more */
const search = (...more) =>
  nativeCommand('merge-search', MODEL, '--calibrate', SAMPLES, '--limit', '3', '--json', json, '--svg', svg, ...more);

test('the curve, and what is chosen from it', async () => {
  const { code, stdout, stderr } = search('--fast', '0.05', '--faster', '0.3', '--fastest', '50');
  assert.equal(code, 0, stderr);
  const { pictures, metadata, lists } = JSON.parse(readFileSync(json, 'utf8'));
  assert.equal(pictures, 3);
  assert.ok(lists.length > 10);
  let least = Infinity;
  for (const [i, { time, kl, kl_error: error, agreement, on_curve: onCurve }] of lists.entries()) {
    assert.ok(time > 0 && kl >= 0 && error >= 0 && agreement >= 0 && agreement <= 1);
    assert.ok(i === 0 || time >= lists[i - 1].time);
    assert.equal(onCurve, kl < least);
    least = Math.min(least, kl);
  }
  const bounds = /** @type {const} */ ([
    ['merge_fast', 0.05],
    ['merge_faster', 0.3],
    ['merge_fastest', 50],
  ]);
  for (const [key, bound] of bounds) {
    const within = lists.filter((/** @type {any} */ one) => one.kl + one.kl_error <= bound);
    assert.equal(metadata[key], within[0]?.merge);
  }
  assert.equal(metadata.merge_fastest, lists[0].merge, 'a bound that holds nothing back');
  assert.ok(stdout.includes(`merge_fastest = ${metadata.merge_fastest}`));
  assert.equal(readFileSync(svg, 'utf8').split('<circle').length - 1, lists.length);

  const vit = await Classifier.load(MODEL, { metadata, merge: 'fastest' });
  assert.equal(vit.info().merge, metadata.merge_fastest);
  vit.dispose();
});

test('bounds that nothing keeps choose nothing', () => {
  const { code, stdout } = search('--fast', '0', '--faster', '0', '--fastest', '0');
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(readFileSync(json, 'utf8')).metadata, {});
  assert.doesNotMatch(stdout, /merge_fast/);
});

test('mistakes', () => {
  for (const [args, code, message] of /** @type {[string[], number, RegExp][]} */ ([
    [[MODEL], 2, /say which images with --calibrate/],
    [[MODEL, '--calibrate', join(folder, 'none')], 1, /none/],
    [[tinyPath('ternary-2'), '--calibrate', SAMPLES], 1, /3 blocks or more/],
    [[join(folder, 'none.safetensors'), '--calibrate', SAMPLES], 1, /none\.safetensors/],
  ])) {
    const result = nativeCommand('merge-search', ...args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
  }
  assert.match(npmCommand('merge-search').stderr, /command of the native build/);
});
