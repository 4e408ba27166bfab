// SPDX-License-Identifier: MIT
// What the benches keep can be read back, and statistics mean what they say.
import assert from 'node:assert/strict';
import test from 'node:test';
import { csvLine, parseCsv } from '../bench/csv.mjs';
import { median, seededTensor, timeRuns } from '../bench/timing.mjs';

test('rows survive the file', () => {
  const columns = ['run', 'cpu', 'ms', 'note'];
  const rows = [
    { run: 'r1', cpu: 'A, "fast" one', ms: 1.25, note: '' },
    { run: 'r2', cpu: 'B', note: 'no time' },
  ];
  const text = [columns.map((name) => `"${name}"`).join(','), ...rows.map((row) => csvLine(columns, row))].join('\n');
  assert.deepEqual(parseCsv(`${text}\n`), rows);
});

test('median', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([7]), 7);
});

test('timed runs keep to their plan', async () => {
  let calls = 0;
  const times = await timeRuns(
    () => {
      calls++;
    },
    { runs: 7, minRuns: 3, budgetMs: 1e6, warmupRuns: 4, warmupMs: 0 },
  );
  assert.equal(calls, 1 + 4 + 7);
  assert.ok(times.min_ms <= times.median_ms && times.median_ms <= times.max_ms);
  calls = 0;
  await timeRuns(
    () => {
      calls++;
    },
    { runs: 7, minRuns: 3, budgetMs: -1, warmupRuns: 0, warmupMs: 0 },
  );
  assert.equal(calls, 1 + 3);
});

test('the benchmark picture is the same everywhere, and normal', () => {
  const values = seededTensor(10000);
  assert.deepEqual(seededTensor(10000), values);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  assert.ok(Math.abs(mean) < 0.05 && Math.abs(variance - 1) < 0.1, `${mean} ${variance}`);
});
