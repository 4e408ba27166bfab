// SPDX-License-Identifier: MIT
// What is wrong with the layout of what is on the screen, and what the keyboard reaches.
import assert from 'node:assert/strict';

/** Most presses of Tab before the end of the page is given up on. */
const MOST_STOPS = 200;

/**
 * @param {import('playwright-core').Page} page
 * @returns {Promise<string[]>} elements that stick out of the page, and text that sticks out of its box
 */
export function layoutProblems(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    // What may be wider than what shows of it: these are clipped, or can be scrolled.
    const clipped =
      '.bar-track *, .skip, .hidden-text, .samples *, .credits *, .looked-tiles *, .inside-box *, .many-table-box *, .teach-table-box *';
    const beyond = [...document.querySelectorAll('body *')].filter((found) => {
      if (found.matches(clipped)) return false;
      const box = found.getBoundingClientRect();
      return box.width > 1 && (box.right > clientWidth + 0.5 || box.left < -0.5);
    });
    const boxes = document.querySelectorAll('.button, .tab, .legend div, .facts div, .card-head, .slider');
    const cut = [...boxes].filter((box) => box.scrollWidth > box.clientWidth + 1);
    return [
      ...(scrollWidth > clientWidth ? [`the page can be scrolled by ${scrollWidth - clientWidth}`] : []),
      ...beyond.map((found) => `beyond the page: ${found.outerHTML.slice(0, 80)}`),
      ...cut.map((box) => `does not fit its box: ${box.textContent}`),
    ];
  });
}

/**
 * Presses Tab from where the focus is to the end of the page; every stop must show its focus.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<string[]>} id or name of each stop
 */
export async function tabOrder(page) {
  /** @type {string[]} */
  const reached = [];
  await page.keyboard.press('Tab');
  for (let i = 0; i < MOST_STOPS; i++) {
    const here = await page.evaluate(() => {
      const active = /** @type {HTMLElement} */ (document.activeElement);
      const style = getComputedStyle(active);
      return {
        name: active.id || active.getAttribute('aria-label') || active.textContent?.trim() || '',
        ring: style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2,
        end: active === document.body,
      };
    });
    if (here.end) return reached;
    assert.ok(here.ring, `no focus ring on ${here.name}`);
    reached.push(here.name);
    await page.keyboard.press('Tab');
  }
  throw new Error(`the end of the page was not reached: ${reached.slice(-5)}`);
}
