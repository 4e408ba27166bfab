// SPDX-License-Identifier: MIT
// The list of tests/proof/mutations.mjs, which takes too long to run each time, fits the sources: each line
// is in its file, becomes another one, and the tests named beside it exist.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MUTATIONS } from '../proof/mutation_list.mjs';
import { ROOT } from './shared.mjs';

/** @param {string} name of a C test */
const inC = (name) =>
  ['unit', 'golden', 'cli', 'model', 'kernels'].some((f) => existsSync(join(ROOT, 'tests', f, `${name}.c`)));

test('each change can be made, and its tests are there', () => {
  for (const [file, line, changed, tests] of MUTATIONS) {
    const isWeb = file.startsWith('web/');
    const path = join(ROOT, isWeb ? '' : 'src', file);
    assert.ok(existsSync(path), file);
    assert.ok(readFileSync(path, 'utf8').includes(line), `${file} has no ${line}`);
    assert.notEqual(changed, line);
    for (const name of tests.split(' '))
      assert.ok(isWeb ? existsSync(join(ROOT, `tests/node/${name}.test.mjs`)) : inC(name), `no test ${name} (${file})`);
  }
  assert.ok(MUTATIONS.length > 70, `only ${MUTATIONS.length}`);
});
