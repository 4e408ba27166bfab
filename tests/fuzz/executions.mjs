// SPDX-License-Identifier: MIT
// The table of tests/fuzz/EXECUTIONS.md: a line a target, sums over all recorded runs.

/**
 * @typedef {object} Row
 * @property {string} target
 * @property {number} executions over all runs
 * @property {number} edges of the last run
 * @property {string} commit of the last run
 */

const HEAD = `# Fuzzing so far

Executions of each target under ASan and UBSan over all recorded runs, the edges (clang's coverage
counters) that its corpus reaches, and the commit that ran last. Each run is

    npm run fuzz -- --minutes N --record

\`fuzz_js\` counts V8's covered blocks instead of edges.

`;

/** @param {string} text of the file, or "" @returns {Map<string, Row>} */
export function readTable(text) {
  const rows = text.matchAll(/^\| (fuzz_\w+) \| ([\d,]+) \| (\d+) \| (\w+) \|$/gm);
  return new Map(
    [...rows].map(([, target, executions, edges, commit]) => [
      target,
      { target, executions: Number(executions.replaceAll(',', '')), edges: Number(edges), commit },
    ]),
  );
}

/** @param {Map<string, Row>} table @param {Row} run */
export function addRun(table, { target, executions, edges, commit }) {
  const before = table.get(target);
  table.set(target, {
    target,
    executions: executions + (before?.executions ?? 0),
    edges: Math.max(edges, before?.edges ?? 0),
    commit,
  });
}

/** @param {Map<string, Row>} table */
export function tableText(table) {
  const rows = [...table.values()].sort((a, b) => (a.target < b.target ? -1 : 1));
  const total = rows.reduce((sum, { executions }) => sum + executions, 0);
  const lines = rows.map((r) => `| ${r.target} | ${grouped(r.executions)} | ${r.edges} | ${r.commit} |`);
  return `${HEAD}| target | executions | edges | commit |\n|---|---|---|---|\n${lines.join('\n')}\n\n${grouped(total)} executions in all.\n`;
}

/** @param {number} n */
const grouped = (n) => n.toLocaleString('en-US');
