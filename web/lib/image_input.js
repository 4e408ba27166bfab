// SPDX-License-Identifier: MIT
/**
 * Any image a caller may hold, as strips of interleaved 8-bit rows. JPEG and PNG bytes go through
 * our decoders, WebP where there is no browser; other files and everything drawn by the browser go
 * through a canvas, whose pixels are read strip by strip.
 */
import { isJpegOrPng, isWebp } from './decoder.js';
import { Vit158Error, isNamed, messageOf, wrapErrors } from './errors.js';
import { bytesOf, describe, isA, tagOf } from './kinds.js';
import { Pace } from './pace.js';
import { rowsInMemory, rowsPerStrip } from './pixel_rows.js';
import { isByteSource, readWhole, settled } from './source.js';

/** Advice for what a canvas does not give out. */
export const OTHER_ORIGIN = ' (it comes from another origin: load it with crossorigin="anonymous")';

/** @typedef {import('./vit158.d.ts').ImageInput} ImageInput */
/** @typedef {import('./pixel_rows.js').PixelRows} PixelRows */

/**
 * @param {ImageInput} image
 * @param {import('./decoder.js').Decoder} decoder
 * @param {Pace} [pace] says how long to wait for it
 * @returns {Promise<{rows: PixelRows, decodeMs: number}>} decodeMs: reading or fetching left out
 */
export async function openImage(image, decoder, pace = new Pace()) {
  const given = await pace.wait(settled(image, 'the image'), 'while waiting for the image');
  if (!isByteSource(given)) {
    if (isDrawable(given)) await pace.wait(whenDrawable(given), 'while waiting for the image');
    return timed(() => openPixels(given));
  }
  const { bytes, name } = await readImage(given, pace);
  if (bytes.length === 0) throw new Vit158Error('E_FORMAT', 'image: the file is empty'); // as src/image/decode.c
  const inBrowser = typeof createImageBitmap === 'function';
  const decode = async () => {
    const module = isWebp(bytes) && !inBrowser ? 'webp' : 'decode';
    const instance = await pace.wait(decoder.acquire(module), 'while loading the decoder');
    return timed(() => instance.decode(bytes));
  };
  if (isJpegOrPng(bytes) || !inBrowser) return decode();
  try {
    return await timed(() => openDrawable(new Blob([bytes.slice()])));
  } catch (error) {
    if (isWebp(bytes)) throw notDrawn(name, 'a damaged WebP', error);
    const { rows } = await decode().catch((named) => {
      throw notDrawn(name, named, error);
    });
    rows.close();
    throw error;
  }
}

/**
 * @param {string} name of the file
 * @param {unknown} named what kind of file it is, or our decoder's error, which says so
 * @param {unknown} error the browser's
 */
function notDrawn(name, named, error) {
  const kind = messageOf(named)
    .replace(/^image: /, '')
    .replace(/, (only|of which only) JPEG.*$/, '');
  return new Vit158Error(
    'E_UNSUPPORTED',
    `the browser cannot read ${name} as an image (${kind}): save it as JPEG or PNG`,
    { cause: error },
  );
}

/**
 * The bytes of an image's file. When the caller wants no more, a fetch is ended, too.
 * @param {any} source for which isByteSource is true
 * @param {Pace} pace
 */
export async function readImage(source, pace) {
  const stop = new AbortController();
  try {
    return await pace.wait(readWhole(source, stop.signal), 'while reading the image');
  } catch (error) {
    stop.abort();
    throw error;
  }
}

/** @param {() => PixelRows | Promise<PixelRows>} open */
async function timed(open) {
  const start = performance.now();
  const rows = await open();
  return { rows, decodeMs: performance.now() - start };
}

/**
 * Everything that is not a file.
 * @param {any} image
 * @returns {PixelRows | Promise<PixelRows>}
 */
function openPixels(image) {
  if (isCanvas(image)) return openCanvas(image);
  if (isDrawable(image)) return openDrawable(image);
  if (image !== null && typeof image === 'object' && ArrayBuffer.isView(image.data)) return openData(image);
  throw notAnImage(image);
}

/** Classes that createImageBitmap takes. */
const DRAWABLE = [
  'ImageBitmap',
  'HTMLImageElement',
  'HTMLVideoElement',
  'VideoFrame',
  'SVGImageElement',
  'HTMLCanvasElement',
  'OffscreenCanvas',
];

/** @param {unknown} image */
const isCanvas = (image) => isA('HTMLCanvasElement', image) || isA('OffscreenCanvas', image);

/** @param {unknown} image */
export function isDrawable(image) {
  return DRAWABLE.some((name) => isA(name, image));
}

/**
 * Waits for an img that is still loading; says what is missing of others.
 * @param {any} image for which isDrawable is true
 */
export async function whenDrawable(image) {
  if (isA('HTMLImageElement', image)) {
    if (!image.complete || image.naturalWidth === 0)
      await wrapErrors('E_INPUT', `the img of ${image.currentSrc || image.src || 'no address'} has no image`, () =>
        image.decode(),
      );
  } else if (isA('HTMLVideoElement', image) && image.readyState < 2) {
    throw new Vit158Error('E_INPUT', 'the video has no frame yet: wait for its event "loadeddata"');
  } else if (isCanvas(image)) {
    if (!(isSide(image.width) && isSide(image.height))) throw new Vit158Error('E_INPUT', 'the canvas has no pixels');
    contextOf(image);
  } else if (image.width === 0 && isA('ImageBitmap', image)) {
    throw new Vit158Error('E_INPUT', 'the ImageBitmap has been closed or transferred');
  }
}

/** The refusal of what is no image. @param {unknown} image */
export function notAnImage(image) {
  return new Vit158Error('E_INPUT', `${describe(image)} is not an image that can be read`);
}

/**
 * ImageData, or a plain {data, width, height} with 1, 3 or 4 bytes per pixel.
 * @param {{data: ArrayBufferView, width: number, height: number}} image
 */
function openData({ data, width, height }) {
  const bytes = bytesOf(data, 'the pixels given');
  if (!/^Uint8(Clamped)?Array$/.test(tagOf(data)))
    throw new Vit158Error('E_INPUT', `pixel data must be 8-bit (Uint8Array or Uint8ClampedArray), not ${tagOf(data)}`);
  const channels = bytes.length / (width * height);
  if (!(isSide(width) && isSide(height)) || !(channels === 1 || channels === 3 || channels === 4))
    throw new Vit158Error(
      'E_INPUT',
      `${bytes.length} bytes of pixel data are not ${width} x ${height} pixels of 1, 3 or 4 bytes`,
    );
  return rowsInMemory(bytes, width, height, channels);
}

/** @param {unknown} side */
function isSide(side) {
  return Number.isInteger(side) && /** @type {number} */ (side) > 0;
}

/** @param {HTMLCanvasElement | OffscreenCanvas} canvas */
function openCanvas(canvas) {
  const context = contextOf(canvas);
  return context ? canvasRows(context, canvas.width, canvas.height) : openDrawable(canvas);
}

/**
 * Null if it has a context of another kind.
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 */
function contextOf(canvas) {
  try {
    return /** @type {CanvasRenderingContext2D | null} */ (canvas.getContext('2d'));
  } catch (error) {
    throw new Vit158Error('E_INPUT', 'the canvas is gone: it was transferred, as by transferControlToOffscreen()', {
      cause: error,
    });
  }
}

/**
 * Pixels as stored: no colour conversion, no premultiplied alpha, upright.
 * @param {any} source what createImageBitmap takes
 * @param {import('./vit158.d.ts').ErrorCode} [code] if it refuses
 * @param {string} [complaint]
 * @returns {Promise<ImageBitmap>} to be closed by the caller
 */
export function makeBitmap(source, code = 'E_INPUT', complaint = 'the image cannot be read') {
  return wrapErrors(code, complaint, async () => {
    try {
      return await createImageBitmap(source, {
        colorSpaceConversion: 'none',
        premultiplyAlpha: 'none',
        imageOrientation: 'from-image',
      });
    } catch (error) {
      // Engines from before 2023 do not know 'from-image', which is what they do anyway.
      if (isNamed(error, 'TypeError')) return createImageBitmap(source);
      throw error;
    }
  });
}

/** @param {Parameters<typeof makeBitmap>} args @returns {Promise<PixelRows>} */
async function openDrawable(...args) {
  const bitmap = await makeBitmap(...args);
  try {
    const { width, height } = bitmap;
    const context = newContext(width, height);
    context.drawImage(bitmap, 0, 0);
    return canvasRows(context, width, height);
  } finally {
    bitmap.close();
  }
}

/** @param {number} width @param {number} height */
function newContext(width, height) {
  /** @type {any} */
  const canvas =
    typeof OffscreenCanvas === 'function'
      ? new OffscreenCanvas(width, height)
      : Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Vit158Error('E_LIMIT', `the browser gives no canvas of ${width} x ${height} pixels`);
  return /** @type {CanvasRenderingContext2D} */ (context);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {number} height
 * @returns {PixelRows}
 */
function canvasRows(context, width, height) {
  const step = rowsPerStrip(width * 4);
  return {
    width,
    height,
    channels: 4,
    *strips() {
      for (let y = 0; y < height; y += step) {
        const { data } = readCanvas(context, y, width, Math.min(step, height - y));
        yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      }
    },
    close() {},
  };
}

/** @param {CanvasRenderingContext2D} context @param {number} y @param {number} width @param {number} n */
function readCanvas(context, y, width, n) {
  try {
    return context.getImageData(0, y, width, n, { colorSpace: 'srgb' });
  } catch (error) {
    const hint = isNamed(error, 'SecurityError') ? OTHER_ORIGIN : '';
    throw new Vit158Error('E_INPUT', `the canvas cannot be read: ${messageOf(error)}${hint}`, {
      cause: error,
    });
  }
}
