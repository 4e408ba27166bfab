// SPDX-License-Identifier: MIT
// Small images of files, made one after the other when they are wanted, and only as long as they
// still are. Nothing is kept but the canvas that is shown.

const SIDE = 72;

export class Thumbnails {
  /** @type {Promise<void>} */
  #turn = Promise.resolve();
  /** The file each canvas is to show. @type {WeakMap<HTMLCanvasElement, Blob>} */
  #wanted = new WeakMap();

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Blob | null} file  null empties it
   */
  show(canvas, file) {
    if (file && this.#wanted.get(canvas) === file) return;
    canvas.width = canvas.height = SIDE;
    if (!file) {
      this.#wanted.delete(canvas);
      return;
    }
    this.#wanted.set(canvas, file);
    this.#turn = this.#turn.then(() => this.#draw(canvas, file));
  }

  /** @param {HTMLCanvasElement} canvas @param {Blob} file */
  async #draw(canvas, file) {
    if (this.#wanted.get(canvas) !== file) return;
    // A file that is no image keeps an empty square.
    const bitmap = await createImageBitmap(file, { resizeHeight: SIDE }).catch(() => null);
    if (!bitmap) return;
    if (this.#wanted.get(canvas) === file) drawSquare(canvas, bitmap);
    bitmap.close();
  }
}

/**
 * Fills a canvas with the middle square of an image.
 * @param {HTMLCanvasElement} canvas
 * @param {ImageBitmap | HTMLCanvasElement} picture
 */
export function drawSquare(canvas, picture) {
  const side = Math.min(picture.width, picture.height);
  const left = (picture.width - side) / 2;
  const top = (picture.height - side) / 2;
  canvas.getContext('2d')?.drawImage(picture, left, top, side, side, 0, 0, canvas.width, canvas.height);
}
