// SPDX-License-Identifier: MIT
/**
 * Any picture a caller may hold, as strips of interleaved 8-bit rows. JPEG and PNG bytes go through
 * our decoder; other files and everything drawn by the browser go through a canvas, whose pixels
 * are read strip by strip.
 */
import { isJpegOrPng } from './decoder.js';
import { Vit158Error, messageOf, wrapErrors } from './errors.js';
import { Pace } from './pace.js';
import { rowsInMemory, rowsPerStrip } from './pixel_rows.js';
import { isA, isByteSource, readWhole } from './source.js';

/** @typedef {import('./vit158.d.ts').ImageInput} ImageInput */
/** @typedef {import('./pixel_rows.js').PixelRows} PixelRows */

/**
 * @param {ImageInput} image
 * @param {import('./decoder.js').Decoder} decoder
 * @param {Pace} [pace] says how long to wait for it
 * @returns {Promise<{rows: PixelRows, decodeMs: number}>} decodeMs: reading or fetching left out
 */
export async function openImage(image, decoder, pace = new Pace()) {
  const given = await pace.wait(image, 'while waiting for the picture');
  if (!isByteSource(given)) return timed(() => openPixels(given));
  const { bytes, name } = await readPicture(given, pace);
  if (bytes.length === 0) throw new Vit158Error('E_INPUT', `${name} is empty`);
  if (!isJpegOrPng(bytes)) return timed(() => browserDecode(bytes, name));
  const instance = await pace.wait(decoder.acquire(), 'while loading the decoder');
  return timed(() => instance.decode(bytes));
}

/**
 * The bytes of a picture's file. When the caller wants no more, a fetch is ended, too.
 * @param {any} source for which isByteSource is true
 * @param {Pace} pace
 */
export async function readPicture(source, pace) {
  const stop = new AbortController();
  try {
    return await pace.wait(readWhole(source, stop.signal), 'while reading the picture');
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
  if (isA('HTMLCanvasElement', image) || isA('OffscreenCanvas', image)) return openCanvas(image);
  if (DRAWABLE.some((name) => isA(name, image))) return openDrawable(image);
  if (image !== null && typeof image === 'object' && ArrayBuffer.isView(image.data))
    return openData(image);
  const kind = image?.constructor?.name ?? String(image);
  throw new Vit158Error('E_INPUT', `${kind} is not a picture that can be read`);
}

/** Classes that createImageBitmap takes. */
const DRAWABLE = ['ImageBitmap', 'HTMLImageElement', 'HTMLVideoElement', 'VideoFrame', 'SVGImageElement'];

/**
 * ImageData, or a plain {data, width, height} with 1, 3 or 4 bytes per pixel.
 * @param {{data: ArrayBufferView, width: number, height: number}} image
 */
function openData({ data, width, height }) {
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    throw new Vit158Error(
      'E_INPUT',
      `pixel data must be 8-bit (Uint8Array or Uint8ClampedArray), not ${data.constructor.name}`,
    );
  const channels = data.length / (width * height);
  if (!(isSide(width) && isSide(height)) || !(channels === 1 || channels === 3 || channels === 4))
    throw new Vit158Error(
      'E_INPUT',
      `${data.length} bytes of pixel data are not ${width} x ${height} pixels of 1, 3 or 4 bytes`,
    );
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return rowsInMemory(bytes, width, height, channels);
}

/** @param {unknown} side */
function isSide(side) {
  return Number.isInteger(side) && /** @type {number} */ (side) > 0;
}

/** @param {HTMLCanvasElement | OffscreenCanvas} canvas */
function openCanvas(canvas) {
  if (!(isSide(canvas.width) && isSide(canvas.height)))
    throw new Vit158Error('E_INPUT', 'the canvas has no pixels');
  const context = /** @type {CanvasRenderingContext2D | null} */ (canvas.getContext('2d'));
  return context ? canvasRows(context, canvas.width, canvas.height) : openDrawable(canvas);
}

/**
 * Files of other kinds than ours, where there is a browser to decode them.
 * @param {Uint8Array} bytes
 * @param {string} name
 */
function browserDecode(bytes, name) {
  if (typeof createImageBitmap !== 'function')
    throw new Vit158Error(
      'E_UNSUPPORTED',
      `${name} is ${kindOf(bytes)}; outside a browser only JPEG and PNG are read`,
    );
  const blob = new Blob([/** @type {BlobPart} */ (bytes)]);
  return openDrawable(blob, 'E_UNSUPPORTED', `the browser cannot read ${name} as a picture`);
}

/** @param {Uint8Array} bytes of a file that is neither JPEG nor PNG */
function kindOf(bytes) {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 16));
  if (text.startsWith('GIF8')) return 'a GIF';
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return 'a WebP picture';
  if (text.startsWith('BM')) return 'a BMP';
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'a TIFF';
  if (text.startsWith('ftypavif', 4)) return 'an AVIF picture';
  if (text.startsWith('ftyphei', 4)) return 'a HEIC picture';
  if (/^\s*</.test(text)) return 'a page or an SVG';
  return 'not a picture known here';
}

/**
 * Pixels as stored: no colour conversion, no premultiplied alpha, upright.
 * @param {any} source what createImageBitmap takes
 * @param {import('./vit158.d.ts').ErrorCode} [code] if it refuses
 * @param {string} [complaint]
 * @returns {Promise<ImageBitmap>} to be closed by the caller
 */
export function makeBitmap(source, code = 'E_INPUT', complaint = 'the picture cannot be read') {
  return wrapErrors(code, complaint, async () => {
    try {
      return await createImageBitmap(source, {
        colorSpaceConversion: 'none',
        premultiplyAlpha: 'none',
        imageOrientation: 'from-image',
      });
    } catch (error) {
      // Engines from before 2023 do not know 'from-image', which is what they do anyway.
      if (error instanceof TypeError) return createImageBitmap(source);
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
  if (!context)
    throw new Vit158Error('E_LIMIT', `the browser gives no canvas of ${width} x ${height} pixels`);
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
    const hint =
      error instanceof DOMException && error.name === 'SecurityError'
        ? ' (it comes from another origin: load it with crossorigin="anonymous")'
        : '';
    throw new Vit158Error('E_INPUT', `the canvas cannot be read: ${messageOf(error)}${hint}`, {
      cause: error,
    });
  }
}
