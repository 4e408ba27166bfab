// SPDX-License-Identifier: MIT
// Draws the newest side-by-side run in tests/bench/results/models.csv as an SVG: milliseconds a
// image, shorter is better, one group of bars for each model.
//
//   node tests/bench/draw_comparison.mjs > tests/bench/results/comparison.svg
import { readFileSync } from 'node:fs';
import { parseCsv } from './csv.mjs';

const NAMES = { tiny: 'ViT-Ti/16', small: 'ViT-S/16', base: 'ViT-B/16', large: 'ViT-L/16' };
const WIDTH = 760;
const LEFT = 220;
const RIGHT = 130;
const BAR = 20;
const GAP = 6;
const GROUP_HEAD = 34;

/** @param {unknown} text */
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** @typedef {Record<string, any>} Row */

/** @param {Row} row */
const systemName = (row) =>
  row.system === 'vit158' ? `vit158, ${row.precision}` : `onnxruntime-web, ${row.precision}`;

/**
 * Rows of the newest run in which other systems took part, with one thread, by model.
 * @param {Row[]} rows
 * @returns {Map<string, Row[]>}
 */
function newestComparison(rows) {
  const peers = rows.filter((row) => row.system !== 'vit158' && row.threads === 1);
  if (peers.length === 0) throw new Error('no side-by-side run with one thread is recorded');
  const newest = peers
    .map((row) => row.run)
    .sort()
    .at(-1);
  const groups = new Map();
  for (const row of rows.filter((r) => r.run === newest && r.threads === 1))
    groups.set(row.model, [...(groups.get(row.model) ?? []), row]);
  return groups;
}

/** @param {string} model @param {Row[]} rows @param {number} top */
function drawGroup(model, rows, top) {
  const longest = Math.max(...rows.map((row) => row.median_ms));
  const ours = rows.find((row) => row.system === 'vit158')?.median_ms;
  const scale = (WIDTH - LEFT - RIGHT) / longest;
  const lines = [
    `<text class="head" x="0" y="${top + 22}">${escape(NAMES[/** @type {keyof NAMES} */ (model)] ?? model)}</text>`,
  ];
  rows.forEach((row, i) => {
    const y = top + GROUP_HEAD + i * (BAR + GAP);
    const ms = row.median_ms < 100 ? row.median_ms.toFixed(1) : row.median_ms.toFixed(0);
    const ratio = row.median_ms === ours ? '' : ` (${(row.median_ms / ours).toFixed(1)} x)`;
    lines.push(
      `<text x="${LEFT - 10}" y="${y + 15}" text-anchor="end">${escape(systemName(row))}</text>`,
      `<rect class="${row.system === 'vit158' ? 'ours' : 'peer'}" x="${LEFT}" y="${y}" ` +
        `width="${(row.median_ms * scale).toFixed(1)}" height="${BAR}" rx="2"/>`,
      `<text x="${(LEFT + row.median_ms * scale + 8).toFixed(1)}" y="${y + 15}">${ms} ms${ratio}</text>`,
    );
  });
  return { lines, height: GROUP_HEAD + rows.length * (BAR + GAP) + 8 };
}

const rows = parseCsv(readFileSync(new URL('results/models.csv', import.meta.url), 'utf8'));
const groups = newestComparison(rows);
const body = [];
let top = 0;
for (const [model, list] of groups) {
  const { lines, height } = drawGroup(model, list, top);
  body.push(...lines);
  top += height;
}
const any = [...groups.values()][0][0];
body.push(
  `<text class="foot" x="0" y="${top + 18}">${escape(
    `Milliseconds a picture of 224 x 224, one thread, Node ${any.node}, ${any.cpu}; ${any.run.slice(0, 10)}, ${any.commit}`,
  )}</text>`,
);
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 30}" role="img" aria-label="Milliseconds a picture of vit158 and onnxruntime-web">
<style>
text { font: 14px system-ui, sans-serif; fill: #1f2328; }
.head { font-weight: 600; font-size: 16px; }
.foot { font-size: 12px; fill: #59636e; }
.ours { fill: #0a7d4b; }
.peer { fill: #9aa4ae; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .foot { fill: #9198a1; }
  .ours { fill: #3fb37f; }
  .peer { fill: #59636e; }
}
</style>
${body.join('\n')}
</svg>`);
