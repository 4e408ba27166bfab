// SPDX-License-Identifier: MIT
// `vit158 pack`, natively and from npm: the same words and the same bytes.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ROOT, nativeCommand, npmCommand, temporaryFolder } from './shared.mjs';

const scratch = temporaryFolder();
const LATENT = join(ROOT, 'tests/data/tiny/latent-6.safetensors');
const BARE = join(ROOT, 'tests/data/import/bare-timm.safetensors');
const OUT = join(scratch, 'packed.safetensors');
const METADATA = join(scratch, 'metadata.json');
writeFileSync(METADATA, JSON.stringify({ heads: '2', mean: '0.5,0.5,0.5', std: '0.5,0.5,0.5', license: 'MIT' }));

/** @type {[string, string[]][]} */
const CASES = [
  ['latent weights', [LATENT]],
  ['with a rest of F32', [LATENT, '--rest', 'f32']],
  ['with a rest of BF16', [LATENT, '--rest', 'bf16']],
  ['as int8', [BARE, '--int8', '--metadata', METADATA]],
  ['as float', [BARE, '--float', '--metadata', METADATA]],
  ['ternarized', [BARE, '--ternarize', '--metadata', METADATA]],
];

for (const [name, args] of CASES)
  test(`${name}: the same file by both commands`, () => {
    const ours = nativeCommand('pack', ...args, '-o', OUT);
    assert.equal(ours.code, 0, ours.stderr);
    const bytes = readFileSync(OUT);
    const theirs = npmCommand('pack', ...args, '-o', OUT);
    assert.equal(theirs.code, 0, theirs.stderr);
    assert.deepEqual([theirs.stdout, theirs.stderr], [ours.stdout, ours.stderr]);
    assert.ok(bytes.equals(readFileSync(OUT)));
  });

test('what is refused is refused in the same words, and nothing is written', () => {
  const none = join(scratch, 'none.safetensors');
  writeFileSync(join(scratch, 'text'), 'Access denied\n');
  for (const args of [
    [LATENT, '--int8'],
    [BARE],
    [join(ROOT, 'tests/data/tiny/ternary-6.safetensors')],
    [join(ROOT, 'tests/data/import/hf4/model.safetensors')],
    [join(scratch, 'text')],
  ]) {
    const ours = nativeCommand('pack', ...args, '-o', none);
    const theirs = npmCommand('pack', ...args, '-o', none);
    assert.deepEqual([theirs.code, theirs.stderr], [ours.code, ours.stderr]);
    assert.equal(ours.code, 1);
  }
  assert.ok(!existsSync(none));
  assert.equal(npmCommand('pack', LATENT).code, 2);
  assert.equal(npmCommand('pack', LATENT, '-o', none, '--int8', '--float').code, 2);
});
