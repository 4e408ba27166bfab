// SPDX-License-Identifier: MIT
// How many tests passed, failed and were skipped, read off what each runner prints.

/**
 * `failedTests` and `skippedTests` name what failed and what was skipped, as far as the runner tells,
 * `ranTwice` what passed or failed at a second try.
 * @typedef {{
 *   passed: number, failed: number, skipped: number,
 *   failedTests?: string[], skippedTests?: string[], ranTwice?: string[],
 * }} Counts
 */

/** @param {Counts} counts */
export function countsLine(counts) {
  return `${counts.passed} passed, ${counts.failed} failed` + (counts.skipped > 0 ? `, ${counts.skipped} skipped` : '');
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
 * ctest's JUnit report with the tests' output: cmocka's own numbers where a test prints them, else
 * one for each test. A test that could not be started has failed.
 * @param {string} xml
 * @returns {Counts}
 */
export function countCtest(xml) {
  const counts = {
    passed: 0,
    failed: 0,
    skipped: 0,
    failedTests: /** @type {string[]} */ ([]),
    skippedTests: /** @type {string[]} */ ([]),
  };
  for (const section of xml.split(/(?=<testcase )/).slice(1)) {
    /** @param {string} word */
    const cmocka = (word) => {
      const lines = section.matchAll(new RegExp(`\\[ +${word} +\\] (?:\\w+: )?(\\d+) test\\(s\\)`, 'g'));
      return [...lines].reduce((sum, match) => sum + Number(match[1]), 0);
    };
    const isCmocka = /\[=+\] (?:\w+: )?Running \d+ test\(s\)/.test(section);
    const status = section.match(/ status="(\w+)"/)?.[1];
    if (section.includes('<skipped message="SKIP_RETURN_CODE')) {
      counts.skipped++;
      counts.skippedTests.push(section.match(/name="([^"]*)"/)?.[1] ?? '');
      continue;
    }
    counts.skipped += cmocka('SKIPPED');
    const names = [...section.matchAll(/^\[ +SKIPPED +\] (\w+)$/gm)].map((match) => match[1]);
    counts.skippedTests.push(...new Set(names)); // cmocka prints each twice
    counts.passed += isCmocka || status !== 'run' ? cmocka('PASSED') : 1;
    if (status === 'run') continue;
    const failed = new Set([...section.matchAll(/^\[ +FAILED +\] (\w+)$/gm)].map((match) => match[1]));
    counts.failed += Math.max(cmocka('FAILED'), 1);
    counts.failedTests.push(...(failed.size > 0 ? failed : [section.match(/name="([^"]*)"/)?.[1] ?? '']));
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
    failedTests: [...tap.matchAll(/^ *not ok \d+ - ((?!.* # todo).*)$/gim)].map((match) => match[1]),
    skippedTests: [...tap.matchAll(/^ *ok \d+ - (.*) # (?:skip|todo)/gim)].map((match) => match[1]),
    ranTwice: [...tap.matchAll(/^ *# RUN TWICE: (.*?); the first run failed/gm)].map((match) => match[1]),
  };
}

/**
 * The files of all that failed, as node's TAP output names them; none if one is not named.
 * @param {string} tap
 * @returns {string[]}
 */
export function failedFiles(tap) {
  const failures = tap.split(/^ *not ok \d+ - /m).slice(1);
  const files = failures
    .filter((failure) => !/^.* # todo/i.test(failure))
    .map((failure) => failure.match(/^.*\n(?: +.*\n){1,3}? *location: '(.*):\d+:\d+'\n/)?.[1] ?? '');
  return files.includes('') ? [] : [...new Set(files)];
}

/**
 * What counts if a runner's failures were run once more.
 * @param {Counts} first
 * @param {Counts} second  of the failed files alone
 * @returns {Counts}
 */
export function afterSecondRun(first, second) {
  return {
    ...first,
    passed: first.passed + Math.max(0, first.failed - second.failed),
    failed: second.failed,
    failedTests: second.failedTests,
    ranTwice: [...(first.ranTwice ?? []), ...(first.failedTests ?? [])],
  };
}

/**
 * A script's last line, "N passed, N failed"; anything else is one failure.
 * @param {string} output
 * @returns {Counts}
 */
export function countLastLine(output) {
  const match = output.trimEnd().match(/(?:^|\n)(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/);
  if (!match) return { passed: 0, failed: 1, skipped: 0 };
  return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) };
}
