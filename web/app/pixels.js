// SPDX-License-Identifier: MIT
// Pixels for people to look at: a small preview of a decoded image, and a model's input tensor
// turned back into an image. No canvas takes part. Pure functions.

/**
 * Averages boxes of whole pixels: one pass over the bytes of an image of any size.
 * @param {import('./service_messages.js').PixelData} picture  1, 3 or 4 bytes a pixel
 * @param {number} maxSide  at least 1
 * @returns {{data: Uint8ClampedArray, width: number, height: number}} RGBA, a side at most maxSide
 */
export function shrinkToRgba({ data, width, height }, maxSide) {
  const channels = data.length / (width * height);
  const step = Math.max(1, Math.ceil(Math.max(width, height) / maxSide));
  const outWidth = Math.max(1, Math.floor(width / step));
  const outHeight = Math.max(1, Math.floor(height / step));
  const out = new Uint8ClampedArray(outWidth * outHeight * 4);
  const green = channels >= 3 ? 1 : 0;
  const blue = channels >= 3 ? 2 : 0;
  // A side shorter than a step (a very long image) has fewer pixels to average.
  const boxWidth = Math.min(step, width);
  const boxHeight = Math.min(step, height);
  const area = boxWidth * boxHeight;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      let r = 0,
        g = 0,
        b = 0,
        a = 0;
      for (let row = 0; row < boxHeight; row++) {
        let at = ((y * step + row) * width + x * step) * channels;
        for (let column = 0; column < boxWidth; column++, at += channels) {
          r += data[at];
          g += data[at + green];
          b += data[at + blue];
          a += channels === 4 ? data[at + 3] : 255;
        }
      }
      const to = (y * outWidth + x) * 4;
      out[to] = r / area;
      out[to + 1] = g / area;
      out[to + 2] = b / area;
      out[to + 3] = a / area;
    }
  }
  return { data: out, width: outWidth, height: outHeight };
}

/**
 * Undoes the normalisation.
 * @param {Float32Array} tensor  [channels][side][side]
 * @param {number} side
 * @param {number} channels  1 or 3
 * @param {Record<string, string>} metadata  of the model: `mean` and `std` as lists of numbers
 * @returns {import('./service_messages.js').PixelData} RGBA
 */
export function tensorToRgba(tensor, side, channels, { mean = '0.5', std = '0.5' }) {
  const [means, stds] = [mean, std].map((list) => list.match(/[\d.e+-]+/gi)?.map(Number) ?? []);
  const plane = side * side;
  const data = new Uint8ClampedArray(plane * 4).fill(255);
  for (let c = 0; c < 3; c++) {
    const from = Math.min(c, channels - 1);
    const m = means[from] ?? means[0];
    const s = stds[from] ?? stds[0];
    for (let i = 0; i < plane; i++) data[i * 4 + c] = (tensor[from * plane + i] * s + m) * 255;
  }
  return { data, width: side, height: side };
}

/**
 * The square along the longer side that someone has moved the model's eye to.
 * @param {import('./service_messages.js').PixelData} picture
 * @param {number} [region]  0 to 1; the middle needs no cut, since the model takes it anyway
 * @returns {import('./service_messages.js').PixelData}
 */
export function squareOf(picture, region = 0.5) {
  const { data, width, height } = picture;
  if (region === 0.5 || width === height) return picture;
  const channels = data.length / (width * height);
  const side = Math.min(width, height);
  const from = Math.round((Math.max(width, height) - side) * region);
  if (height > width)
    return { data: data.slice(from * width * channels, (from + side) * width * channels), width, height: side };
  const out = new Uint8Array(side * side * channels);
  for (let y = 0; y < side; y++) {
    const at = (y * width + from) * channels;
    out.set(data.subarray(at, at + side * channels), y * side * channels);
  }
  return { data: out, width: side, height: side };
}
