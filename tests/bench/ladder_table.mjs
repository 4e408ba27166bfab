// SPDX-License-Identifier: MIT
// The ladder's numbers as a table and as a picture, and the statistics in it.

/**
 * @typedef {object} Row one file
 * @property {string} name
 * @property {number} images pictures judged on
 * @property {number} top1 share, as all below
 * @property {number} top1_error standard error
 * @property {number} top1_paired_error of the difference from the first file's top-1
 * @property {number} top5
 * @property {number} agreement equal answers with the first file
 * @property {number} divergence mean KL from the first file's softmax, nats
 * @property {number} file_bytes
 * @property {number} wasm_bytes memory of the WebAssembly instance
 * @property {number} ms processor time of a picture, one thread
 * @property {number} gmacs 10^9 products a second
 */

/** Standard error of a share of n. @param {number} share @param {number} n */
export const standardError = (share, n) => Math.sqrt((share * (1 - share)) / n);

/** Logarithms of softmax. @param {ArrayLike<number>} logits */
function logSoftmax(logits) {
  const values = Array.from(logits);
  const largest = Math.max(...values);
  const total = Math.log(values.reduce((sum, v) => sum + Math.exp(v - largest), 0));
  return values.map((v) => v - largest - total);
}

/** KL(softmax(p) || softmax(q)) in nats. @param {ArrayLike<number>} p @param {ArrayLike<number>} q */
export function divergence(p, q) {
  const [a, b] = [logSoftmax(p), logSoftmax(q)];
  return a.reduce((sum, v, i) => sum + Math.exp(v) * (v - b[i]), 0);
}

/** @param {number} share @param {number} [digits] */
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;

/** @param {Row[]} rows */
export function markdownTable(rows) {
  const head =
    '| weights | file | wasm memory | top-1 | against the first | top-5 | equal answers | divergence | time, products |';
  return [
    head,
    head.replaceAll(/[^|]+/g, '---'),
    ...rows.map((row, i) => {
      const difference = 100 * (row.top1 - rows[0].top1);
      return [
        '',
        row.name,
        `${(row.file_bytes / 1e6).toFixed(2)} MB`,
        `${(row.wasm_bytes / 2 ** 20).toFixed(1)} MiB`,
        `${percent(row.top1)} ± ${(100 * row.top1_error).toFixed(1)}`,
        i === 0
          ? ''
          : `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(1)} ± ${(100 * row.top1_paired_error).toFixed(1)}`,
        percent(row.top5),
        i === 0 ? '' : percent(row.agreement),
        i === 0 ? '' : row.divergence.toPrecision(2),
        `${row.ms.toFixed(1)} ms, ${row.gmacs.toFixed(1)} GMAC/s`,
        '',
      ]
        .join(' | ')
        .trim();
    }),
  ].join('\n');
}

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 70;
const RIGHT = 30;
const TOP = 30;
const BOTTOM = 60;
const TICKS_MB = [1, 1.5, 2, 3, 4, 6, 10, 15, 25, 40, 60, 100];

/** @param {unknown} text */
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Top-1 with its standard error, and equal answers, over the size of the file. @param {Row[]} rows */
export function drawLadder(rows) {
  const sizes = rows.map((row) => row.file_bytes / 1e6);
  const [low, high] = [Math.min(...sizes) / 1.2, Math.max(...sizes) * 1.2];
  const x = (/** @type {number} */ mb) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(mb / low)) / Math.log(high / low);
  const y = (/** @type {number} */ share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const lines = [];
  for (let share = 0; share <= 1.001; share += 0.2)
    lines.push(
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share).toFixed(1)}" y2="${y(share).toFixed(1)}"/>`,
      `<text x="${LEFT - 8}" y="${(y(share) + 4).toFixed(1)}" text-anchor="end">${percent(share, 0)}</text>`,
    );
  for (const mb of TICKS_MB.filter((tick) => tick >= low && tick <= high))
    lines.push(`<text x="${x(mb).toFixed(1)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${mb}</text>`);
  rows.forEach((row, i) => {
    const [cx, top1] = [x(sizes[i]).toFixed(1), y(row.top1)];
    const bar = (HEIGHT - TOP - BOTTOM) * row.top1_error;
    lines.push(
      `<line class="error" x1="${cx}" x2="${cx}" y1="${(top1 - bar).toFixed(1)}" y2="${(top1 + bar).toFixed(1)}"/>`,
      `<circle class="top1" cx="${cx}" cy="${top1.toFixed(1)}" r="5"><title>${escape(row.name)}: top-1 ${percent(row.top1)}</title></circle>`,
      `<text x="${cx}" y="${(top1 + (i % 2 === 0 ? 24 : 38)).toFixed(1)}" text-anchor="middle">${escape(row.name)}</text>`,
    );
    if (i > 0)
      lines.push(
        `<circle class="equal" cx="${cx}" cy="${y(row.agreement).toFixed(1)}" r="4"><title>${escape(row.name)}: ${percent(row.agreement)} equal answers</title></circle>`,
      );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<style>.grid{stroke:#ddd}.error{stroke:#1a56db}.top1{fill:#1a56db}.equal{fill:none;stroke:#b45309;stroke-width:2}</style>
<rect width="100%" height="100%" fill="#fff"/>
${lines.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">MB of the file; full: top-1 on ${rows[0].images} pictures with its standard error, rings: equal answers with ${escape(rows[0].name)}</text>
</svg>
`;
}
