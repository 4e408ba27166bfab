// SPDX-License-Identifier: MIT
// `npm run fuzz`: its table adds up, every target has seeds, and the JavaScript readers survive a second.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addRun, readTable, tableText } from '../fuzz/executions.mjs';
import { ROOT } from './shared.mjs';

test('executions add up over runs, edges are the most there were', () => {
  const table = readTable('');
  addRun(table, { target: 'fuzz_b', executions: 999_999, edges: 20, commit: 'abc1234' });
  addRun(table, { target: 'fuzz_a', executions: 5, edges: 7, commit: 'abc1234' });
  const again = readTable(tableText(table));
  assert.deepEqual([...again.values()], [...table.values()].reverse());
  addRun(again, { target: 'fuzz_b', executions: 2, edges: 19, commit: 'def5678' });
  assert.deepEqual(again.get('fuzz_b'), { target: 'fuzz_b', executions: 1_000_001, edges: 20, commit: 'def5678' });
  assert.match(tableText(again), /\n1,000,006 executions in all\.\n$/);
});

test('every target has seeds of its own, and is in the table of the README', () => {
  const list = readFileSync(join(ROOT, 'tests/fuzz/tests_fuzz.cmake'), 'utf8');
  const readme = readFileSync(join(ROOT, 'tests/fuzz/README.md'), 'utf8');
  const names = [...list.matchAll(/vit158_add_fuzzer\((fuzz_\w+)/g)].map(([, name]) => name);
  assert.ok(names.length >= 12);
  for (const name of names) {
    const seeds = name === 'fuzz_round' ? 'fuzz_model' : name; // both take model files
    const folder = join(ROOT, 'tests/data/fuzz', seeds);
    assert.ok(existsSync(folder) && readdirSync(folder).length > 0, `${name} has no seeds`);
    assert.ok(readme.includes(`\`${name}\``), `${name} is not in tests/fuzz/README.md`);
  }
});

test('the JavaScript readers', () => {
  const output = execFileSync(process.execPath, ['tests/fuzz/fuzz_js.mjs', '1', '5'], { cwd: ROOT, encoding: 'utf8' });
  assert.ok(Number(/number_of_executed_units: (\d+)/.exec(output)?.[1]) > 100);
});
