// SPDX-License-Identifier: MIT
// The sums that `npm test` prints: a failure must never be counted as nothing.
import assert from 'node:assert/strict';
import test from 'node:test';
import { countCtest, countLastLine, countsLine, countTap, withExitCode } from '../counts.mjs';

const CTEST_LOG = `Start testing: Nov 22 01:00 UTC
----------------------------------------------------------
1/4 Testing: test_base
1/4 Test: test_base
Command: "/x/test_base"
Output:
----------------------------------------------------------
[==========] tests: Running 3 test(s).
[ RUN      ] test_a
[       OK ] test_a
[  SKIPPED ] test_b
[==========] tests: 3 test(s) run.
[  PASSED  ] 2 test(s).
[  SKIPPED ] tests: 1 test(s), listed below:
[  SKIPPED ] test_b
<end of output>
Test time =   0.00 sec
----------------------------------------------------------
Test Passed.

2/4 Testing: test_bad
2/4 Test: test_bad
Output:
----------------------------------------------------------
[==========] tests: Running 3 test(s).
[==========] tests: 3 test(s) run.
[  PASSED  ] 1 test(s).
[  FAILED  ] tests: 2 test(s), listed below:
[  FAILED  ] test_x
<end of output>
Test Failed.

3/4 Testing: plain
Output:
[  PASSED is not cmocka
<end of output>
Test Passed.

4/4 Testing: crash
[==========] tests: Running 9 test(s).
[ RUN      ] test_a
<end of output>
Test Failed.
`;

test('ctest: cmocka counts, plain tests, failures and crashes', () => {
  assert.deepEqual(countCtest(CTEST_LOG), { passed: 4, failed: 3, skipped: 1 });
  assert.deepEqual(countCtest(''), { passed: 0, failed: 0, skipped: 0 });
});

test('node: closing lines of TAP', () => {
  const tap = 'ok 1 - x\n1..7\n# tests 7\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 1\n';
  assert.deepEqual(countTap(tap), { passed: 3, failed: 2, skipped: 2 });
});

test('scripts: last line, or one failure', () => {
  assert.deepEqual(countLastLine('x\n12 passed, 3 failed\n'), { passed: 12, failed: 3, skipped: 0 });
  assert.deepEqual(countLastLine('1 passed, 0 failed, 2 skipped'), { passed: 1, failed: 0, skipped: 2 });
  assert.deepEqual(countLastLine('9 passed, 0 failed\ncrash'), { passed: 0, failed: 1, skipped: 0 });
  assert.deepEqual(countLastLine('x9 passed, 0 failed'), { passed: 0, failed: 1, skipped: 0 });
});

test('a bad exit code is at least one failure', () => {
  const counts = { passed: 2, failed: 0, skipped: 0 };
  assert.equal(withExitCode(counts, 0).failed, 0);
  assert.equal(withExitCode(counts, 1).failed, 1);
  assert.equal(withExitCode({ ...counts, failed: 3 }, 1).failed, 3);
  assert.equal(countsLine(counts), '2 passed, 0 failed');
  assert.equal(countsLine({ ...counts, skipped: 1 }), '2 passed, 0 failed, 1 skipped');
});
