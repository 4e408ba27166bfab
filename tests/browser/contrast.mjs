// SPDX-License-Identifier: MIT
// Contrast of all visible text against what lies behind it, by the formula of WCAG 2.2 (1.4.3):
// 4.5 for text, 3 for large text. Colours of this page are plain, so backgrounds are read from the
// nearest ancestor that has one.

/**
 * @param {import('playwright-core').Page} page
 * @returns {Promise<string[]>} one line for each piece of text that is too faint
 */
export function contrastProblems(page) {
  return page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    if (!canvas) throw new Error('no canvas');
    /** @param {string} colour @returns {number[]} RGB 0..255, alpha 0..1 */
    const rgba = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    /** @param {number[]} colour */
    const luminance = (colour) => {
      const [r, g, b] = colour.map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    /** @param {Element} from @returns {number[]} */
    const backgroundOf = (from) => {
      for (let at = /** @type {Element | null} */ (from); at; at = at.parentElement) {
        const colour = rgba(getComputedStyle(at).backgroundColor);
        if (colour[3] === 1) return colour;
      }
      return [255, 255, 255, 1];
    };
    /** @type {string[]} */
    const problems = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = /** @type {HTMLElement} */ (node.parentElement);
      const words = node.textContent?.trim();
      if (!words || !parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      if (parent.closest('.hidden-text, option, noscript, :disabled')) continue;
      const style = getComputedStyle(parent);
      const back = backgroundOf(parent);
      const [light, dark] = [luminance(rgba(style.color)), luminance(back)].sort((a, b) => b - a);
      const ratio = (light + 0.05) / (dark + 0.05);
      const pixels = Number.parseFloat(style.fontSize);
      const large = pixels >= 24 || (pixels >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) problems.push(`${ratio.toFixed(2)}: "${words.slice(0, 40)}"`);
    }
    return problems;
  });
}
