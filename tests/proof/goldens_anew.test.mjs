// SPDX-License-Identifier: MIT
// The committed goldens are what their scripts make: each script of tests/golden runs on a copy of
// itself in an empty tree, and what it writes is compared with tests/data byte for byte.
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
      const same = readFileSync(join(tree, 'tests/data', name)).equals(readFileSync(join(ROOT, 'tests/data', name)));
      assert.ok(same, `${name} differs`);
    }
  });
}
