// SPDX-License-Identifier: MIT
// A probe for browsers that alter what a canvas gives back. Works in a worker and on the main
// thread.

const SIDE = 24;

/** @returns {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null} */
function probeContext() {
  if (typeof OffscreenCanvas === 'function')
    return new OffscreenCanvas(SIDE, SIDE).getContext('2d', { willReadFrequently: true });
  if (typeof document !== 'object') return null;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIDE;
  return canvas.getContext('2d', { willReadFrequently: true });
}

/**
 * Puts known pixels on a canvas and reads them back. Privacy modes of some browsers (Brave, Tor,
 * Firefox with resistFingerprinting) change low bits or everything, differently for each site.
 * @returns {boolean} true if the pixels came back changed
 */
export function canvasIsRandomised() {
  const context = probeContext();
  if (!context) return false; // then nothing is read through one either
  const image = context.createImageData(SIDE, SIDE);
  for (let i = 0; i < image.data.length; i += 4) {
    image.data.set([(i * 7) & 255, (i * 13 + 5) & 255, (i * 29 + 11) & 255, 255], i);
  }
  context.putImageData(image, 0, 0);
  const seen = context.getImageData(0, 0, SIDE, SIDE).data;
  return image.data.some((value, i) => seen[i] !== value);
}
