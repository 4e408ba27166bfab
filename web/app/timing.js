// SPDX-License-Identifier: MIT
// Where the time goes: a stacked bar over the stages, their milliseconds, and one column per
// transformer block.
import { byId, element } from './dom.js';
import { duration, rate } from './format.js';

/** Stages in the order they run, as in index.html; the blocks count as one. */
const STAGES = [
  ['decode', 'Decode'],
  ['preprocess', 'Resize'],
  ['embed', 'Embed'],
  ['blocks', 'Blocks'],
  ['head', 'Head'],
];

/** @param {import('./service_messages.js').Step[]} steps @returns {Map<string, number>} ms by stage */
export function stageTotals(steps) {
  const totals = new Map();
  for (const { name, ms } of steps) {
    const stage = name.startsWith('blocks.') ? 'blocks' : name;
    totals.set(stage, (totals.get(stage) ?? 0) + ms);
  }
  return totals;
}

/** @param {import('./service_messages.js').Step[]} steps @returns {{attn: number, mlp: number}[]} ms by block */
export function blockTimes(steps) {
  /** @type {{attn: number, mlp: number}[]} */
  const blocks = [];
  for (const { name, ms } of steps) {
    const match = /^blocks\.(\d+)\.(attn|merge|mlp)$/.exec(name);
    if (!match) continue;
    const block = (blocks[Number(match[1])] ??= { attn: 0, mlp: 0 });
    block[match[2] === 'mlp' ? 'mlp' : 'attn'] += ms; // a merge goes by attention's keys
  }
  return blocks;
}

/** @param {number} ms as a clock measured it that may tick as slowly as every 0.1 ms */
const stageDuration = (ms) => (ms === 0 ? '<0.1 ms' : duration(ms));

export class Timing {
  /** @param {number} depth  number of blocks, to reserve their columns */
  setDepth(depth) {
    byId('block-bars').replaceChildren(
      ...Array.from({ length: depth }, () =>
        element('div', 'block-column', [element('div', 'block-part tone-mlp'), element('div', 'block-part tone-attn')]),
      ),
    );
    byId('blocks-title').textContent = `The ${depth} blocks: attention below, MLP above`;
  }

  /** @param {import('./service_messages.js').Times} times */
  show({ steps, runs, unmergedMs }) {
    const totals = stageTotals(steps);
    const total = [...totals.values()].reduce((sum, ms) => sum + ms, 0);
    byId('total-ms').textContent = duration(total);
    byId('total-rate').textContent = `${rate(1000 / total)} images/s`;
    byId('total-words').textContent = `${runs > 1 ? `Median of ${runs} runs` : 'One run'}, from file to answer${
      unmergedMs === undefined ? '' : `; ${duration(unmergedMs)} without merging`
    }`;
    const parts = /** @type {HTMLElement[]} */ ([...byId('stack').children]);
    const numbers = byId('legend').querySelectorAll('dd');
    STAGES.forEach(([name], i) => {
      const ms = totals.get(name) ?? 0;
      parts[i].style.setProperty('--share', String(ms / total));
      parts[i].hidden = ms === 0;
      numbers[i].textContent = totals.has(name) ? stageDuration(ms) : '–';
    });
    const words = STAGES.map(([, title], i) => `${title} ${numbers[i].textContent}`);
    byId('stack').setAttribute('aria-label', `${words.join(', ')}; total ${duration(total)}`);
    this.#showBlocks(blockTimes(steps));
  }

  /** Takes the numbers away: they belong to another image. @param {string} words */
  clear(words) {
    byId('total-ms').textContent = '–';
    byId('total-rate').textContent = '';
    byId('total-words').textContent = words;
    byId('stack').setAttribute('aria-label', 'No timing yet');
    for (const part of byId('stack').children) /** @type {HTMLElement} */ (part).hidden = true;
    /** @type {NodeListOf<HTMLElement>} */
    const parts = byId('block-bars').querySelectorAll('.block-part');
    for (const part of parts) part.style.setProperty('--share', '0');
    for (const number of byId('legend').querySelectorAll('dd')) number.textContent = '–';
  }

  /** @param {{attn: number, mlp: number}[]} blocks */
  #showBlocks(blocks) {
    const longest = Math.max(...blocks.map(({ attn, mlp }) => attn + mlp), Number.MIN_VALUE);
    const chart = byId('block-bars');
    if (chart.children.length !== blocks.length) this.setDepth(blocks.length);
    const columns = /** @type {HTMLElement[]} */ ([...chart.children]);
    blocks.forEach(({ attn, mlp }, i) => {
      const [upper, lower] = /** @type {HTMLElement[]} */ ([...columns[i].children]);
      upper.style.setProperty('--share', String(mlp / longest));
      lower.style.setProperty('--share', String(attn / longest));
      columns[i].title = `Block ${i + 1}: ${duration(attn + mlp)} (attention ${duration(attn)}, MLP ${duration(mlp)})`;
    });
    chart.setAttribute('aria-label', columns.map((column) => column.title).join('; '));
    chart.removeAttribute('aria-labelledby');
  }
}
