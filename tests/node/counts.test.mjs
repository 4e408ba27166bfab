// SPDX-License-Identifier: MIT
// The sums that `npm test` prints: a failure must never be counted as nothing.
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  afterSecondRun,
  countCtest,
  countLastLine,
  countsLine,
  countTap,
  failedFiles,
  withExitCode,
} from '../counts.mjs';

const CTEST_REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="(empty)" tests="6" failures="2" disabled="0" skipped="2">
  <testcase name="test_base" classname="test_base" time="0" status="run">
    <system-out>[==========] Running 3 test(s).
[ RUN      ] test_a
[       OK ] test_a
[  SKIPPED ] test_b
[==========] 3 test(s) run.
[  PASSED  ] 2 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] test_b

 1 SKIPPED TEST(S)
</system-out>
  </testcase>
  <testcase name="test_bad" classname="test_bad" time="0" status="fail">
    <failure message=""/>
    <system-out>[==========] tests: Running 3 test(s).
[==========] tests: 3 test(s) run.
[  PASSED  ] 1 test(s).
[  FAILED  ] tests: 2 test(s), listed below:
[  FAILED  ] test_x
</system-out>
  </testcase>
  <testcase name="plain" classname="plain" time="0" status="run">
    <system-out>[  PASSED  is not cmocka</system-out>
  </testcase>
  <testcase name="crash" classname="crash" time="0" status="fail">
    <system-out>[==========] Running 9 test(s).
[ RUN      ] test_a
</system-out>
  </testcase>
  <testcase name="skipper" classname="skipper" time="0" status="notrun">
    <skipped message="SKIP_RETURN_CODE=77"/>
    <system-out>no judge</system-out>
  </testcase>
  <testcase name="missing" classname="missing" time="0" status="notrun">
    <skipped message="Unable to find executable"/>
    <system-out></system-out>
  </testcase>
</testsuite>
`;

test('ctest: cmocka counts, plain tests, failures, crashes, skips', () => {
  assert.deepEqual(countCtest(CTEST_REPORT), {
    passed: 4,
    failed: 4,
    skipped: 2,
    failedTests: ['test_x', 'crash', 'missing'],
    skippedTests: ['test_b', 'skipper'],
  });
  assert.deepEqual(countCtest(''), { passed: 0, failed: 0, skipped: 0, failedTests: [], skippedTests: [] });
});

test('node: closing lines of TAP', () => {
  const tap =
    'ok 1 - x\n    ok 1 - y # SKIP no judge\nok 2 - z\nnot ok 3 - a, b\n    not ok 1 - c\nnot ok 4 - d # todo later\n# RUN TWICE: z; the first run failed: Error: it\n1..7\n# tests 7\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 1\n';
  assert.deepEqual(countTap(tap), {
    passed: 3,
    failed: 2,
    skipped: 2,
    failedTests: ['a, b', 'c'],
    skippedTests: ['y'],
    ranTwice: ['z'],
  });
});

test('node: what failed is run once more', () => {
  const failure = (/** @type {string} */ name, /** @type {string} */ place) =>
    `not ok 1 - ${name}\n  ---\n  duration_ms: 2\n  location: '${place}'\n  failureType: 'testCodeFailure'\n  ...\n`;
  const passed = "ok 2 - fine\n  ---\n  duration_ms: 1\n  location: '/x/fine.test.mjs:3:1'\n  ...\n";
  const tap =
    failure('a', '/x/a.test.mjs:1:2') +
    passed +
    failure('b', '/x/b.test.mjs:9:1') +
    failure('later # todo', '/x/t.mjs:1:1');
  assert.deepEqual(failedFiles(tap + failure('again', '/x/a.test.mjs:7:2')), ['/x/a.test.mjs', '/x/b.test.mjs']);
  assert.deepEqual(failedFiles(passed), []);
  assert.deepEqual(failedFiles(tap + 'not ok 9 - who\n' + passed), []);
  const first = { passed: 5, failed: 2, skipped: 1, failedTests: ['a', 'b'], skippedTests: ['s'] };
  const second = { passed: 3, failed: 1, skipped: 0, failedTests: ['b'], skippedTests: [] };
  assert.deepEqual(afterSecondRun(first, second), {
    passed: 6,
    failed: 1,
    skipped: 1,
    failedTests: ['b'],
    skippedTests: ['s'],
    ranTwice: ['a', 'b'],
  });
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
