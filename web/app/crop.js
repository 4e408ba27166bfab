// SPDX-License-Identifier: MIT
// Which part of an image the model sees: a square of its middle, or all of it squashed to a square.

/**
 * @typedef {object} Crop
 * @property {number} share  0..1, of the shorter side, or of both where images are squashed
 * @property {number} side   pixels of the model's input
 * @property {boolean} squash
 */

/**
 * By the model's recipe, which resizes the shorter side or both, and crops the centre.
 * @param {import('../lib/vit158.js').Info} info
 * @returns {Crop}
 */
export function cropOf({ model: { imageSize }, metadata }) {
  const resized = Number(metadata.resize) || Math.floor(imageSize / Number(metadata.crop_pct || 1));
  return { side: imageSize, share: Math.min(1, imageSize / resized), squash: metadata.resize_mode === 'squash' };
}

/**
 * That part in pixels of the image. A square lies within the part that was chosen along the longer side.
 * @param {Crop | null} crop
 * @param {number} width
 * @param {number} height
 * @param {number} region  0 to 1
 */
export function areaOf(crop, width, height, region) {
  const { share, squash } = crop ?? { share: 1, squash: false };
  if (squash)
    return {
      left: (width * (1 - share)) / 2,
      top: (height * (1 - share)) / 2,
      width: width * share,
      height: height * share,
    };
  const part = Math.min(width, height);
  const side = part * share;
  const margin = (part - side) / 2;
  return {
    left: (width - part) * region + margin,
    top: (height - part) * region + margin,
    width: side,
    height: side,
  };
}

/**
 * @param {Crop} crop
 * @param {number} width
 * @param {number} height
 */
export function inputWords({ share, side, squash }, width, height) {
  const all = share === 1 && (squash || width === height);
  const part = all ? 'all of it' : squash ? 'what is drawn on it' : 'the square drawn on it';
  return `Model input: ${part}, ${squash && width !== height ? 'squashed to ' : ''}${side} × ${side}`;
}
