// SPDX-License-Identifier: MIT
// The committed goldens are what their scripts make: each script of tests/golden runs on a copy of
// itself in an empty tree, and what it writes is compared with tests/data byte for byte; gradients, whose last
// bits are the processor's, by value.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, run, sharedFiles, temporaryFolder } from '../node/shared.mjs';

/** Scripts, and which of the shared files they read. @type {Record<string, string[]>} */
const SCRIPTS = {
  'make_model_corpus.py': [],
  'make_fuzz_corpus.py': [],
  'make_tiny_goldens.py': [],
  'make_train_golden.py': [],
  'make_pack_goldens.py': ['checkpoints/cifar10-bootstrap.safetensors'],
};

const GRADIENTS = 'train_tiny.safetensors';
/** Of a value and one: what PyTorch's float64 products leave uncertain is far below, what it notes of float32's is not. */
const TOLERANCE = 1e-6;

/** Whether two safetensors files have the same header and float32 values. @param {Buffer} a @param {Buffer} b */
function sameValues(a, b) {
  const start = 8 + Number(b.readBigUInt64LE(0));
  if (a.length !== b.length || !a.subarray(0, start).equals(b.subarray(0, start))) return false;
  const values = (/** @type {Buffer} */ file) => new Float32Array(Uint8Array.from(file.subarray(start)).buffer);
  const [x, y] = [values(a), values(b)];
  return y.length > 0 && y.every((value, i) => Math.abs(x[i] - value) <= TOLERANCE * (1 + Math.abs(value)));
}

/** Paths of the files below a folder. @param {string} folder @returns {string[]} */
const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile());

for (const [script, needed] of Object.entries(SCRIPTS)) {
  const shared = sharedFiles(...needed);
  test(`${script} writes what is committed`, { skip: shared.skip }, () => {
    const tree = temporaryFolder();
    mkdirSync(join(tree, 'tests/data'), { recursive: true });
    cpSync(join(ROOT, 'tests/golden'), join(tree, 'tests/golden'), { recursive: true });
    const { code, stderr } = run('/usr/bin/python3', [join(tree, 'tests/golden', script)], {
      VIT158_SHARED: sharedFiles('.').files[0],
    });
    assert.equal(code, 0, stderr);
    const made = filesBelow(join(tree, 'tests/data'));
    assert.ok(made.length > 0, 'it wrote nothing');
    for (const name of made) {
      const [now, then] = [tree, ROOT].map((root) => readFileSync(join(root, 'tests/data', name)));
      const same = name === GRADIENTS ? sameValues(now, then) : now.equals(then);
      assert.ok(same, `${name} differs`);
    }
  });
}
