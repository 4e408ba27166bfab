// SPDX-License-Identifier: MIT
// Maps of attention over an image: picked out of what the library returns, spread over 0 to 1, and
// drawn as a shade over what was not looked at.

/** Stands for the rollout where heads are counted from 0. */
export const ROLLOUT = -1;

/**
 * One map over the image, to be laid over it.
 * @typedef {object} Overlay
 * @property {Float32Array} map   [side][side], 0 to 1
 * @property {number} side
 * @property {number} strength    0 to 1
 */

/**
 * Spreads a map over 0 to 1.
 * @param {Float32Array} values
 * @returns {Float32Array}
 */
function spread(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const range = high - low;
  return values.map((value) => (range > 0 ? (value - low) / range : 1));
}

/**
 * @param {import('../lib/vit158.js').Attention} attention
 * @param {number} block
 * @param {number} head  or ROLLOUT
 * @returns {Float32Array} per patch, [side][side], 0 to 1
 */
export function mapOf({ values, rollout, heads, tokens, prefixTokens }, block, head) {
  if (head === ROLLOUT) return spread(rollout);
  const from = (block * heads + head) * tokens;
  return spread(values.slice(from + prefixTokens, from + tokens)); // class token and registers are no patches
}

/**
 * Darkens a part of a canvas where a map is low.
 * @param {CanvasRenderingContext2D} context
 * @param {Overlay} overlay
 * @param {{left: number, top: number, width: number, height: number}} area
 */
export function drawShade(context, { map, side, strength }, { left, top, width, height }) {
  const shade = new ImageData(side, side);
  map.forEach((value, i) => (shade.data[4 * i + 3] = 255 * strength * (1 - Math.sqrt(value))));
  const small = document.createElement('canvas');
  small.width = small.height = side;
  small.getContext('2d')?.putImageData(shade, 0, 0);
  context.imageSmoothingQuality = 'high';
  context.drawImage(small, left, top, width, height);
}
