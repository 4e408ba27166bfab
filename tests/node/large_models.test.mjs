// SPDX-License-Identifier: MIT
// Models of standard geometry (random weights, `vit158 synth`): the wasm memory that loading and
// classifying take at most, and the same logits from every kernel, thread count and build.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { jsonLines, nativeCommand, ROOT, temporaryFolder } from './shared.mjs';

const PICTURE = join(ROOT, 'models/samples/cat.jpg');
const MIB = 2 ** 20;
const folder = temporaryFolder();

/** Makes a model with all six norms a block, the most there can be. @param {string} arch */
function synth(arch) {
  const file = join(folder, `vit-${arch}.safetensors`);
  const { code, stderr } = nativeCommand('synth', '--arch', arch, '-o', file);
  assert.equal(code, 0, stderr);
  return file;
}

/**
 * Hash of the image's logits, and the memory it took.
 * @param {string} file @param {import('../../web/lib/vit158.d.ts').LoadOptions} options
 */
async function classify(file, options) {
  const vit = await Classifier.load(file, { threads: 1, ...options });
  const { logitsSha256 } = await vit.classify(PICTURE);
  const { memoryBytes, threads } = vit.info();
  await vit.forward(new Float32Array(3 * 224 * 224).fill(0.5));
  assert.equal((await vit.classify(PICTURE)).logitsSha256, logitsSha256);
  assert.equal(vit.info().memoryBytes, memoryBytes, 'memory stays the same');
  vit.dispose();
  return { logitsSha256, memoryBytes, threads };
}

/** @param {string} file @param {string[]} options */
function classifyNatively(file, ...options) {
  const { code, stdout, stderr } = nativeCommand('classify', '--json', '-m', file, ...options, PICTURE);
  assert.equal(code, 0, stderr);
  return jsonLines(stdout)[0].logits_sha256;
}

for (const { arch, mib, scalar } of [
  { arch: 'ti', mib: 6, scalar: true },
  { arch: 'b', mib: 32, scalar: false },
]) {
  test(`ViT-${arch}: at most ${mib} MiB of wasm memory, the same logits everywhere`, async () => {
    const file = synth(arch);
    const { logitsSha256: expected, memoryBytes } = await classify(file, {});
    assert.ok(memoryBytes <= mib * MIB, `${memoryBytes / MIB} MiB`);

    const two = await classify(file, { threads: 2 });
    assert.equal(two.threads, 2);
    assert.equal(two.logitsSha256, expected);
    assert.ok(two.memoryBytes <= (mib + 0.5) * MIB, `${two.memoryBytes / MIB} MiB with two threads`);

    assert.equal((await classify(file, { gemm: 'dot' })).logitsSha256, expected);
    assert.equal(classifyNatively(file), expected);
    assert.equal(classifyNatively(file, '--threads', '2', '--gemm', 'table'), expected);
    if (scalar) {
      assert.equal((await classify(file, { engine: 'scalar' })).logitsSha256, expected);
      assert.equal(classifyNatively(file, '--engine', 'scalar'), expected);
    }
  });
}

test('ViT-l: at most 80 MiB of wasm memory once it is ready to classify', async () => {
  const vit = await Classifier.load(synth('l'), { threads: 1 });
  assert.ok(vit.info().memoryBytes <= 80 * MIB, `${vit.info().memoryBytes / MIB} MiB`);
  vit.dispose();
});
