// SPDX-License-Identifier: MIT
// How many tests passed, failed and were skipped, read off what each runner prints.

/** @typedef {{passed: number, failed: number, skipped: number}} Counts */

/** @param {Counts} counts */
export function countsLine(counts) {
  return `${counts.passed} passed, ${counts.failed} failed`
    + (counts.skipped > 0 ? `, ${counts.skipped} skipped` : '');
}

/**
 * A runner that failed without naming a failed test counts as one failure.
 * @param {Counts} counts
 * @param {number} exitCode
 * @returns {Counts}
 */
export function withExitCode(counts, exitCode) {
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/**
 * ctest's LastTest.log: cmocka's own numbers where a test prints them, else one for each test.
 * @param {string} log
 * @returns {Counts}
 */
export function countCtest(log) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const section of log.split(/^\d+\/\d+ Testing: /m).slice(1)) {
    /** @param {string} word */
    const cmocka = (word) => {
      const lines = section.matchAll(new RegExp(`^\\[ +${word} +\\] (?:\\w+: )?(\\d+) test\\(s\\)`, 'gm'));
      return [...lines].reduce((sum, match) => sum + Number(match[1]), 0);
    };
    const ok = /^Test Passed\.$/m.test(section);
    const isCmocka = /^\[=+\] (?:\w+: )?Running \d+ test\(s\)/m.test(section);
    counts.skipped += cmocka('SKIPPED');
    counts.passed += isCmocka || !ok ? cmocka('PASSED') : 1;
    counts.failed += ok ? 0 : Math.max(cmocka('FAILED'), 1);
  }
  return counts;
}

/**
 * The closing lines of node's TAP output.
 * @param {string} tap
 * @returns {Counts}
 */
export function countTap(tap) {
  /** @param {string} word */
  const count = (word) => Number(tap.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1] ?? 0);
  return {
    passed: count('pass'),
    failed: count('fail') + count('cancelled'),
    skipped: count('skipped') + count('todo'),
  };
}

/**
 * A script's last line, "N passed, N failed"; anything else is one failure.
 * @param {string} output
 * @returns {Counts}
 */
export function countLastLine(output) {
  const match = output.trimEnd().match(/(?:^|\n)(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/);
  if (!match)
    return { passed: 0, failed: 1, skipped: 0 };
  return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) };
}
