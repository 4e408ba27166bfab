// SPDX-License-Identifier: MIT
// web/lib/image_input.js with pixels and with stand-ins for what only browsers have; real browser
// images are tested in tests/browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder } from '../../web/lib/decoder.js';
import { openImage } from '../../web/lib/image_input.js';
import { rowsInMemory } from '../../web/lib/pixel_rows.js';

const decoder = new Decoder();
const open = (/** @type {any} */ image) => openImage(image, decoder);

/** @param {string} code @param {RegExp} message */
const error = (code, message) => (/** @type {any} */ e) => {
  assert.equal(e.code, code, e.message);
  assert.match(e.message, message);
  return true;
};

for (const channels of [1, 3, 4]) {
  test(`pixels of ${channels} bytes`, async () => {
    const data = Uint8Array.from({ length: 700 * 900 * channels }, (_, i) => i * 31);
    const { rows } = await open({ data, width: 700, height: 900 });
    assert.deepEqual([rows.width, rows.height, rows.channels], [700, 900, channels]);
    const strips = [...rows.strips()];
    assert.ok(strips.every((strip) => strip.length % (700 * channels) === 0));
    assert.ok(Buffer.concat(strips).equals(data));
    if (channels > 1) assert.ok(strips.length > 1, 'long pictures come in several strips');
    rows.close();
  });
}

test('clamped arrays and parts of a buffer', async () => {
  const data = new Uint8ClampedArray(new ArrayBuffer(20), 4, 12).fill(9);
  const { rows } = await open({ data, width: 2, height: 2 });
  assert.deepEqual(
    [...rows.strips()].map((strip) => [...strip]),
    [Array(12).fill(9)],
  );
});

test('wide rows are never cut', () => {
  const rows = rowsInMemory(new Uint8Array(3 * 2_000_000), 2_000_000, 3, 1);
  assert.deepEqual(
    [...rows.strips()].map((strip) => strip.length),
    [2e6, 2e6, 2e6],
  );
});

test('pixels that do not fit their size', async () => {
  const data = new Uint8Array(12);
  for (const [width, height] of [
    [2, 3],
    [0, 4],
    [-2, -2],
    [1.5, 2],
    [NaN, 2],
    [undefined, undefined],
  ])
    await assert.rejects(open({ data, width, height }), error('E_INPUT', /12 bytes of pixel data/));
  await assert.rejects(
    open({ data: new Float32Array(12), width: 2, height: 2 }),
    error('E_INPUT', /8-bit.*Float32Array/),
  );
});

test('what is no picture', async () => {
  for (const [image, named] of [
    [null, /null/],
    [undefined, /undefined/],
    [7, /^7 is/],
    [{}, /Object/],
    [[], /Array/],
  ])
    await assert.rejects(open(image), error('E_INPUT', /** @type {RegExp} */ (named)));
  await assert.rejects(open(new Uint8Array(0)), error('E_FORMAT', /empty/));
});

test('files of other kinds are named, as the native command names them', async () => {
  for (const [start, named] of Object.entries({
    GIF89a: /GIF/,
    '\0\0\0\x20ftypheic': /HEIC/,
  }))
    await assert.rejects(open(Buffer.from(start, 'latin1')), error('E_UNSUPPORTED', named));
  await assert.rejects(open(Buffer.from('hello')), error('E_FORMAT', /neither JPEG, PNG nor WebP/));
});

test('engines that do not know the options still decode', async (t) => {
  const globals = /** @type {any} */ (globalThis);
  globals.createImageBitmap = async (/** @type {any} */ _source, /** @type {any} */ options) => {
    if (options) throw new TypeError("'from-image' is not a valid enum value");
    return { width: 1, height: 1, pixels: Uint8ClampedArray.of(1, 2, 3, 4), close() {} };
  };
  globals.OffscreenCanvas = OffscreenCanvas;
  t.after(() => {
    delete globals.OffscreenCanvas;
    delete globals.createImageBitmap;
  });
  const { rows } = await open(Buffer.from('BM\0\0'));
  assert.deepEqual(
    [...rows.strips()].map((strip) => [...strip]),
    [[1, 2, 3, 4]],
  );
});

/** Stand-ins for a browser's classes, as far as image_input.js uses them. */
class OffscreenCanvas {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    Object.assign(this, { width, height, pixels: new Uint8ClampedArray(width * height * 4) });
  }

  /** @this {any} */
  getContext() {
    const canvas = this;
    if (canvas.webgl) return null;
    return {
      drawImage(/** @type {any} */ bitmap) {
        canvas.pixels.set(bitmap.pixels);
      },
      getImageData(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ w, /** @type {number} */ h) {
        if (canvas.tainted) throw new DOMException('The canvas has been tainted', 'SecurityError');
        return { data: canvas.pixels.slice(4 * (y * w + x), 4 * ((y + h) * w + x)) };
      },
    };
  }
}

test('canvases and drawables are read strip by strip through a canvas', async (t) => {
  const closed = [];
  const globals = /** @type {any} */ (globalThis);
  Object.assign(globals, {
    OffscreenCanvas,
    createImageBitmap: async (/** @type {any} */ source, /** @type {any} */ options) => {
      assert.deepEqual(options, {
        colorSpaceConversion: 'none',
        premultiplyAlpha: 'none',
        imageOrientation: 'from-image',
      });
      if (source instanceof Blob && (await source.text()).startsWith('hello'))
        throw new DOMException('bad', 'InvalidStateError');
      return { width: 600, height: 700, pixels, close: () => closed.push(source) };
    },
  });
  t.after(() => {
    delete globals.OffscreenCanvas;
    delete globals.createImageBitmap;
  });
  const pixels = Uint8ClampedArray.from({ length: 600 * 700 * 4 }, (_, i) => i * 13);
  /** @type {any} */
  const canvas = new OffscreenCanvas(600, 700);
  canvas.pixels = pixels;
  const webgl = Object.assign(new OffscreenCanvas(600, 700), { webgl: true });
  for (const image of [canvas, webgl, Buffer.from('GIF89a')]) {
    const { rows } = await open(image);
    const strips = [...rows.strips()];
    assert.ok(strips.length > 1);
    assert.ok(Buffer.concat(strips).equals(Buffer.from(pixels)));
  }
  assert.equal(closed.length, 2, 'bitmaps made here are closed');
  const tainted = (await open(Object.assign(new OffscreenCanvas(2, 2), { tainted: true }))).rows;
  assert.throws(() => [...tainted.strips()], error('E_INPUT', /tainted.*crossorigin/));
  await assert.rejects(
    open(Buffer.from('hello')),
    error(
      'E_UNSUPPORTED',
      /^the browser cannot read the buffer given as an image \(neither JPEG, PNG nor WebP\): save it as JPEG or PNG$/,
    ),
  );
  await assert.rejects(open(new OffscreenCanvas(0, 5)), error('E_INPUT', /no pixels/));
});
