// SPDX-License-Identifier: MIT
// Runs the checks of tests/checks.cmake as wasm, each case as a test: the modules
// build/wasm/check_*.wasm are built by `cmake --build build/wasm`.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../build/wasm/', import.meta.url));

/**
 * @typedef {object} CheckExports
 * @property {WebAssembly.Memory} memory
 * @property {() => number} check_count
 * @property {(index: number) => number} check_name
 * @property {(index: number) => number} check_run 1 = passed
 * @property {() => number} check_message
 */

/** @param {string} file @returns {CheckExports} */
function load(file) {
  const module = new WebAssembly.Module(readFileSync(join(FOLDER, file)));
  assert.deepEqual(WebAssembly.Module.imports(module), [], `${file} imports something`);
  const exports = /** @type {any} */ (new WebAssembly.Instance(module).exports);
  exports._initialize?.();
  return exports;
}

/** @param {CheckExports} check @param {number} at @returns {string} */
function text(check, at) {
  const bytes = new Uint8Array(check.memory.buffer, at);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

const files = !existsSync(FOLDER)
  ? []
  : readdirSync(FOLDER)
      .filter((name) => name.startsWith('check_') && name.endsWith('.wasm'))
      .sort();

test('there are check modules of both variants', () => {
  assert.ok(
    files.includes('check_gemm.wasm') && files.includes('check_gemm-scalar.wasm'),
    `${FOLDER} has no check modules: run cmake --preset wasm && cmake --build build/wasm`,
  );
});

for (const file of files) {
  const check = load(file);
  test(`${file} has checks`, () => {
    assert.ok(check.check_count() > 0);
  });
  for (let i = 0; i < check.check_count(); i++)
    test(`${file}: ${text(check, check.check_name(i))}`, () => {
      assert.equal(check.check_run(i), 1, text(check, check.check_message()));
    });
}
