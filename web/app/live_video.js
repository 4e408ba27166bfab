// SPDX-License-Identifier: MIT
// Moving images, of the camera or of a video file: the newest frame at the pace of the engine and
// the display, frames dropped rather than queued, and one still image on demand.
import { byId } from './dom.js';

/** Words for the ways in which asking for a camera fails, by the name of the error. */
const DENIALS = {
  NotAllowedError: 'The browser did not allow the camera. Change that in the address bar, then try again.',
  NotFoundError: 'No camera was found on this device.',
  NotReadableError: 'Another program is using the camera.',
};

/**
 * @param {unknown} error
 * @returns {string}
 */
export function cameraWords(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  return DENIALS[/** @type {keyof typeof DENIALS} */ (name)] ?? 'The camera could not be started.';
}

/** @typedef {(frame: ImageBitmap) => Promise<void>} FrameHandler */
/** @typedef {'environment' | 'user'} Facing  away from the visitor, or towards */

export class LiveVideo {
  /** @type {HTMLVideoElement} */
  #video = byId('video');
  /** @type {MediaStream | null} */
  #stream = null;
  /** Address of the video file on show, '' if none. */
  #url = '';
  /** Counts starts, so that a loop or a late answer of an earlier start ends itself. */
  #session = 0;

  /** @returns {boolean} */
  static get hasCamera() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  /** Images a second over the last few frames. */
  framesPerSecond = 0;

  /** @returns {{width: number, height: number}} */
  get size() {
    return { width: this.#video.videoWidth, height: this.#video.videoHeight };
  }

  /** @returns {boolean} whether the camera looks at the visitor, as far as can be known */
  get facesVisitor() {
    const track = this.#stream?.getVideoTracks()[0];
    return track !== undefined && (track.getSettings().facingMode ?? 'user') === 'user';
  }

  /** @returns {Promise<boolean>} known only once a camera may be used */
  static async hasTwoCameras() {
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    return devices.filter(({ kind }) => kind === 'videoinput').length > 1;
  }

  /** @returns {boolean} */
  get running() {
    return this.#stream !== null || this.#url !== '';
  }

  /**
   * Starts the camera; then `onFrame` is called with a bitmap, which it owns, and again with the
   * newest frame as soon as its promise settled.
   * @param {Facing} facing  which camera, where there are two
   * @param {FrameHandler} onFrame
   * @param {() => void} onEnd  the camera went away by itself: unplugged, or forbidden meanwhile
   * @returns {Promise<boolean>} false if it was stopped while the visitor was being asked
   */
  async startCamera(facing, onFrame, onEnd) {
    this.stop();
    const session = this.#session;
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: facing, width: { ideal: 640 }, height: { ideal: 480 } },
      audio: false,
    });
    if (session !== this.#session) {
      stream.getTracks().forEach((track) => track.stop());
      return false;
    }
    this.#stream = stream;
    for (const track of stream.getTracks()) track.addEventListener('ended', onEnd);
    this.#video.srcObject = stream;
    await this.#video.play();
    this.#loop(session, onFrame);
    return true;
  }

  /**
   * Plays a file over and over, without its sound; the rest as startCamera.
   * @param {Blob} file
   * @param {FrameHandler} onFrame
   * @returns {Promise<boolean>} false if it was stopped before it began
   */
  async startFile(file, onFrame) {
    this.stop();
    const session = this.#session;
    this.#url = URL.createObjectURL(file);
    this.#video.src = this.#url;
    try {
      await this.#video.play();
      if (this.#video.videoWidth === 0) throw new Error('a file without a picture');
    } catch (error) {
      if (session !== this.#session) return false;
      this.stop();
      throw error;
    }
    this.#loop(session, onFrame);
    return true;
  }

  stop() {
    this.#session++;
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
    if (!this.#url) return;
    URL.revokeObjectURL(this.#url);
    this.#url = '';
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  /** @returns {ImageData} the image that is on the stage now */
  still() {
    const { videoWidth, videoHeight } = this.#video;
    const canvas = document.createElement('canvas');
    canvas.width = videoWidth;
    canvas.height = videoHeight;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
    context.drawImage(this.#video, 0, 0);
    return context.getImageData(0, 0, videoWidth, videoHeight);
  }

  /**
   * @param {number} session
   * @param {FrameHandler} onFrame
   */
  async #loop(session, onFrame) {
    let last = performance.now();
    let interval = 0;
    let fresh = this.#nextFrame();
    while (session === this.#session) {
      await fresh;
      if (session !== this.#session) return;
      const frame = await createImageBitmap(this.#video).catch(() => null);
      fresh = this.#nextFrame(); // mostly there before the answer is: then what is on the stage is taken at once
      if (!frame) continue; // between two films there may be no frame
      await onFrame(frame);
      const now = performance.now();
      interval = interval ? 0.9 * interval + 0.1 * (now - last) : now - last;
      last = now;
      this.framesPerSecond = 1000 / interval;
    }
  }

  /** @returns {Promise<void>} */
  #nextFrame() {
    return new Promise((resolve) => {
      if ('requestVideoFrameCallback' in this.#video) this.#video.requestVideoFrameCallback(() => resolve());
      else requestAnimationFrame(() => resolve());
    });
  }
}
