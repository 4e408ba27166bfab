// SPDX-License-Identifier: MIT
// Test images made by the browser under test, and ways to hand them to the page.

/**
 * An image of coloured shapes, larger than any model's input and not square.
 * @param {import('playwright-core').Page} page
 * @param {string} type MIME type that the browser can write
 * @param {{width?: number, height?: number, hue?: number}} [options]
 * @returns {Promise<Buffer>} the encoded file
 */
export async function makePicture(page, type, { width = 320, height = 200, hue = 200 } = {}) {
  const base64 = await page.evaluate(async ([mime, w, h, colour]) => {
    const canvas = new OffscreenCanvas(w, h);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const sky = context.createLinearGradient(0, 0, w, h);
    sky.addColorStop(0, `hsl(${colour} 70% 40%)`);
    sky.addColorStop(1, `hsl(${colour + 90} 60% 80%)`);
    context.fillStyle = sky;
    context.fillRect(0, 0, w, h);
    context.fillStyle = `hsl(${colour + 180} 80% 45%)`;
    context.beginPath();
    context.ellipse(w * 0.4, h * 0.6, w * 0.2, h * 0.3, 0.5, 0, 7);
    context.fill();
    const blob = await canvas.convertToBlob({ type: mime, quality: 0.9 });
    if (blob.type !== mime) throw new Error(`this browser writes no ${mime}`);
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  }, /** @type {[string, number, number, number]} */ ([type, width, height, hue]));
  return Buffer.from(base64, 'base64');
}

/**
 * @param {Buffer} jpeg
 * @param {number} orientation 1..8, as Exif numbers them
 * @returns {Buffer} the same image with an Exif segment that holds just that
 */
export function withOrientation(jpeg, orientation) {
  const segment = Buffer.from('ffe100224578696600004d4d002a00000008000101120003000000010000000000000000', 'hex');
  segment.writeUInt16BE(orientation, segment.length - 8);
  return Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]);
}

/**
 * Puts a file on the page as a visitor would, by an event that carries it.
 * @param {import('playwright-core').Page} page
 * @param {'drop' | 'paste'} how
 * @param {{name: string, mimeType: string, buffer: Buffer}} file
 */
export async function give(page, how, { name, mimeType, buffer }) {
  await page.evaluate(
    ([kind, fileName, type, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const carrier = new DataTransfer();
      carrier.items.add(new File([bytes], fileName, { type }));
      const event =
        kind === 'drop'
          ? new DragEvent('drop', { dataTransfer: carrier, bubbles: true, cancelable: true })
          : new ClipboardEvent('paste', { clipboardData: carrier, bubbles: true });
      document.body.dispatchEvent(event);
    },
    [how, name, mimeType, buffer.toString('base64')],
  );
}

/**
 * Drops a file of the disk.
 * @param {import('playwright-core').Page} page
 * @param {string} path
 */
export async function dropPath(page, path) {
  const input = await page.evaluateHandle(() => {
    const made = document.createElement('input');
    made.type = 'file';
    return made;
  });
  await input.setInputFiles(path);
  await input.evaluate((/** @type {HTMLInputElement} */ { files }) => {
    const carrier = new DataTransfer();
    for (const file of files ?? []) carrier.items.add(file);
    const options = { dataTransfer: carrier, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new DragEvent('drop', options));
  });
}
