// SPDX-License-Identifier: MIT
// The image as decoded, with what lies outside the model's square veiled, and beside it what the
// model is given. Canvases only: a strict content policy forbids blob: images.
import { drawShade } from './attention_maps.js';
import { areaOf, inputWords } from './crop.js';
import { byId } from './dom.js';
import { size } from './format.js';

/** Images of fewer pixels than this on their longer side are shown as squares, not smoothed. */
const PIXELATED_BELOW = 160;
/** Milliseconds before "Reading the image" appears: most images never show it. */
const BUSY_AFTER = 150;

/**
 * @typedef {object} Caption
 * @property {string} name
 * @property {number} width   of the image as decoded
 * @property {number} height
 * @property {number} [bytes] of the file
 * @property {string} [kind]  "JPEG"
 */

/** @param {import('./service_messages.js').PixelData} picture RGBA @returns {ImageData} */
function imageOf({ data, width, height }) {
  const image = new ImageData(width, height);
  image.data.set(data);
  return image;
}

export class Stage {
  #stage = byId('stage');
  /** @type {HTMLCanvasElement} */
  #preview = byId('preview');
  /** @type {HTMLCanvasElement} */
  #veil = byId('crop');
  /** @type {HTMLCanvasElement} */
  #shade = byId('shade');
  /** @type {HTMLVideoElement} */
  #video = byId('video');
  /** @type {HTMLCanvasElement} */
  #seen = byId('seen');
  #isLive = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #busyTimer;
  /** @type {import('./crop.js').Crop | null} */
  #crop = null;
  /** Where the model's square lies along the longer side, 0 to 1. */
  #region = 0.5;
  /** @type {HTMLInputElement} */
  #regionAt = byId('region-at');
  /** Someone has moved the square. @type {(region: number) => void} */
  onRegion = () => {};

  constructor() {
    this.#regionAt.addEventListener('input', () => {
      this.#region = Number(this.#regionAt.value) / 100;
      this.#drawVeil();
    });
    this.#regionAt.addEventListener('change', () => this.onRegion(this.#region));
    this.#listenForDrags();
  }

  /** @param {import('./crop.js').Crop} crop */
  setCrop(crop) {
    this.#crop = crop;
    this.#drawVeil();
  }

  /** @param {boolean} on */
  setBusy(on) {
    clearTimeout(this.#busyTimer);
    if (on)
      this.#busyTimer = setTimeout(() => {
        byId('stage-busy').hidden = false;
      }, BUSY_AFTER);
    else byId('stage-busy').hidden = true;
  }

  /** No image yet, or none any more. */
  showEmpty() {
    this.showNothing('No picture yet', 'Drop a picture here');
    byId('file-facts').textContent = 'Choose, drop or paste one';
  }

  /** Nothing to show for a file. @param {string} name @param {string} words */
  showNothing(name, words) {
    this.setBusy(false);
    this.#stage.dataset.state = 'empty';
    byId('stage-words').textContent = words;
    byId('file-name').textContent = byId('file-name').title = name;
    byId('file-facts').textContent = byId('input-facts').textContent = '';
    this.#preview.setAttribute('aria-label', words);
    byId('region').hidden = true;
    this.#stage.classList.remove('is-movable');
  }

  /** Puts the live image on the stage or takes it away. @param {boolean} on */
  setLive(on) {
    this.#isLive = on;
    this.#stage.dataset.state = on ? 'live' : 'picture';
    this.#video.hidden = !on;
    byId('live-badge').hidden = !on;
    if (on) byId('region').hidden = true;
    this.#preview.hidden = this.#veil.hidden = on;
  }

  /**
   * @param {import('./service_messages.js').PreviewEvent} picture
   * @param {string} name
   * @param {number} region
   */
  showPreview(picture, name, region) {
    this.setBusy(false);
    this.#stage.dataset.state = 'picture';
    const canvas = this.#preview;
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext('2d')?.putImageData(imageOf(picture), 0, 0);
    canvas.classList.toggle('pixelated', Math.max(picture.width, picture.height) < PIXELATED_BELOW);
    canvas.setAttribute('aria-label', `Picture: ${name}`);
    this.#region = region;
    this.#regionAt.value = String(Math.round(100 * region));
    this.#drawVeil();
  }

  /** @param {Caption} caption */
  setCaption({ name, width, height, bytes, kind }) {
    byId('file-name').textContent = byId('file-name').title = name;
    const file = bytes ? [`${size(bytes)}${kind ? ` ${kind}` : ''}`] : [];
    byId('file-facts').textContent = [`${width} × ${height} pixels`, ...file].join(', ');
    byId('input-facts').textContent = this.#crop ? inputWords(this.#crop, width, height) : '';
  }

  /** @param {import('./service_messages.js').PixelData | null} input  RGBA, null while there is none */
  showInput(input) {
    if (!input) {
      this.#seen.getContext('2d')?.clearRect(0, 0, this.#seen.width, this.#seen.height);
      this.#seen.setAttribute('aria-label', 'What the model is given: nothing yet');
      return;
    }
    this.#seen.width = input.width;
    this.#seen.height = input.height;
    this.#seen.getContext('2d')?.putImageData(imageOf(input), 0, 0);
    this.#seen.classList.toggle('pixelated', input.width < PIXELATED_BELOW);
    this.#seen.setAttribute('aria-label', `What the model is given: ${input.width} × ${input.height} pixels`);
  }

  /**
   * Lays a map over what the model sees, or takes it away.
   * @param {import('./attention_maps.js').Overlay | null} overlay
   */
  setOverlay(overlay) {
    this.#shade.hidden = overlay === null;
    if (!overlay || !this.#crop) return;
    const { videoWidth, videoHeight } = this.#video;
    const { width, height } = this.#isLive ? { width: videoWidth, height: videoHeight } : this.#preview;
    this.#shade.width = width;
    this.#shade.height = height;
    const context = this.#shade.getContext('2d');
    if (context) drawShade(context, overlay, areaOf(this.#crop, width, height, this.#isLive ? 0.5 : this.#region));
  }

  #drawVeil() {
    const { width, height } = this.#preview;
    const veil = this.#veil;
    veil.width = width;
    veil.height = height;
    const context = veil.getContext('2d');
    const isMovable = !this.#isLive && this.#crop?.squash === false && width !== height;
    byId('region').hidden = !isMovable;
    this.#stage.classList.toggle('is-movable', isMovable);
    if (!this.#crop || !context) return;
    const area = areaOf(this.#crop, width, height, this.#region);
    if (area.left < 0.5 && area.top < 0.5) return;
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--veil');
    context.fillRect(0, 0, width, height);
    context.clearRect(area.left, area.top, area.width, area.height);
    context.strokeStyle = 'rgb(255 255 255 / 70%)';
    context.lineWidth = Math.max(1, Math.max(width, height) / 500);
    context.strokeRect(area.left, area.top, area.width, area.height);
  }

  /** The square follows the pointer; the model looks where it is let go. */
  #listenForDrags() {
    const stage = this.#stage;
    let from = 0;
    let before = 0;
    let isDragging = false;
    stage.addEventListener('pointerdown', (event) => {
      if (!stage.classList.contains('is-movable') || event.button !== 0) return;
      isDragging = true;
      before = this.#region;
      from = this.#along(event);
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener('pointermove', (event) => {
      if (!isDragging) return;
      const { width, height } = this.#preview;
      const room = (Math.max(width, height) - Math.min(width, height)) * this.#scale();
      this.#region = Math.min(1, Math.max(0, before + (this.#along(event) - from) / room));
      this.#regionAt.value = String(Math.round(100 * this.#region));
      this.#drawVeil();
    });
    for (const end of ['pointerup', 'pointercancel'])
      stage.addEventListener(end, () => {
        if (isDragging && this.#region !== before) this.onRegion(this.#region);
        isDragging = false;
      });
  }

  /** @param {PointerEvent} event @returns {number} the pointer along the longer side */
  #along(event) {
    return this.#preview.width > this.#preview.height ? event.clientX : event.clientY;
  }

  /** Screen pixels of one pixel of the preview. */
  #scale() {
    const { clientWidth, clientHeight } = this.#stage;
    return Math.min(clientWidth / this.#preview.width, clientHeight / this.#preview.height);
  }
}
