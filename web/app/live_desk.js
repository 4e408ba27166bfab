// SPDX-License-Identifier: MIT
// The camera or a video on the stage: starts, stops and turns it, has its frames classified, and takes a
// still image of it.
import { byId, notice } from './dom.js';
import { rate } from './format.js';
import { cameraWords, LiveVideo } from './live_video.js';
import { TOP_K } from './results.js';

export class LiveDesk {
  #service;
  #shown;
  #merge;
  #video = new LiveVideo();
  #name = '';
  #onStart;
  /** Ask for attention with every frame. */
  wantsAttention = false;
  /** @type {import('./live_video.js').Facing} */
  #facing = 'environment';
  /** Someone has chosen whether the camera is shown as in a mirror. @type {boolean | null} */
  #mirrors = null;
  /** Of what is on the stage, carried by every answer. */
  #image = 0;

  /**
   * @param {import('./service_client.js').ServiceClient} service
   * @param {import('./shown.js').ShownImage} shown
   * @param {import('./merge_switch.js').MergeSwitch} merge
   * @param {() => void} onStart  live images have taken the stage
   */
  constructor(service, shown, merge, onStart) {
    this.#merge = merge;
    this.#service = service;
    this.#shown = shown;
    this.#onStart = onStart;
    byId('camera').hidden = !LiveVideo.hasCamera;
    byId('camera').addEventListener('click', () => (this.running ? this.stop() : this.#startCamera()));
    byId('turn').addEventListener('click', () => {
      this.#facing = this.#facing === 'user' ? 'environment' : 'user';
      this.#mirrors = null;
      this.#startCamera();
    });
    byId('mirror').addEventListener('click', () => {
      this.#mirrors = byId('mirror').getAttribute('aria-pressed') !== 'true';
      this.#showMirror();
    });
    byId('shoot').addEventListener('click', () => {
      const picture = this.still();
      this.stop();
      (byId('camera').hidden ? byId('choose') : byId('camera')).focus();
      this.#shown.showStill(picture);
    });
  }

  get running() {
    return this.#video.running;
  }

  /** @returns {import('./shown.js').Picture} what is on the stage now */
  still() {
    return { name: `${this.#name} picture`, pixels: this.#video.still() };
  }

  stop() {
    if (!this.running) return;
    this.#video.stop();
    this.#setButtons(false);
    this.#shown.endLive(this.#image);
  }

  /** @param {File} file */
  async startVideo(file) {
    this.#shown.cancel();
    this.#name = 'Video';
    try {
      if (await this.#video.startFile(file, (frame) => this.#showFrame(frame)))
        this.#started({ name: file.name, bytes: file.size, ...this.#video.size });
    } catch {
      this.#setButtons(false);
      notice('video', `${file.name}: this browser cannot play it. WebM and MP4 work most widely.`);
    }
  }

  async #startCamera() {
    this.#shown.cancel();
    this.#name = 'Camera';
    try {
      const onFrame = (/** @type {ImageBitmap} */ frame) => this.#showFrame(frame);
      if (!(await this.#video.startCamera(this.#facing, onFrame, () => this.stop()))) return;
      this.#started({ name: 'Camera', ...this.#video.size });
      byId('mirror').hidden = false;
      const canTurn = await LiveVideo.hasTwoCameras();
      byId('turn').hidden = !(canTurn && this.running);
    } catch (error) {
      this.#video.stop();
      notice('camera', cameraWords(error));
    }
  }

  /** @param {import('./stage.js').Caption} caption */
  #started(caption) {
    this.#onStart();
    this.#image = this.#shown.beginLive(caption);
    this.#setButtons(true);
    byId('shoot').focus();
  }

  /** @param {ImageBitmap} bitmap @returns {Promise<void>} */
  async #showFrame(bitmap) {
    const image = this.#image;
    try {
      const { live: merge } = this.#merge;
      const wanted = { topK: TOP_K, runs: 1, merge, wantsPreview: false, wantsAttention: this.wantsAttention };
      const outcome = await this.#service.classify({ bitmap, image, ...wanted });
      if (!this.running) return;
      this.#shown.answerLive(outcome);
      const { framesPerSecond } = this.#video; // 0 until there have been two
      byId('live-rate').textContent = framesPerSecond ? `Live, ${rate(framesPerSecond)} pictures a second` : 'Live';
    } catch (error) {
      this.#shown.failLive(image, /** @type {any} */ (error));
    }
  }

  /** Only what is seen on the stage is turned: the model is given the picture as it is. */
  #showMirror() {
    const on = this.running && (this.#mirrors ?? this.#video.facesVisitor);
    byId('mirror').setAttribute('aria-pressed', String(on));
    byId('stage').classList.toggle('is-mirrored', on);
  }

  /** @param {boolean} live */
  #setButtons(live) {
    byId('shoot').hidden = !live;
    byId('choose').hidden = live;
    byId('turn').hidden = byId('mirror').hidden = true;
    this.#showMirror();
    const button = byId('camera');
    button.hidden = !live && !LiveVideo.hasCamera;
    button.setAttribute('aria-pressed', String(live));
    const words = live ? `Stop ${this.#name.toLowerCase()}` : 'Camera';
    /** @type {HTMLElement} */ (button.querySelector('span')).textContent = words;
  }
}
