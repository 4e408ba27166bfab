// SPDX-License-Identifier: MIT
// The messages between the page and its worker: every shape that crosses is named here, and only
// here. A request carries an id; any number of events may answer it, then exactly one "done" or
// "failed". Pixels travel as transferred buffers. No code but the constants.

/** Request types, page to worker. */
export const REQUEST = Object.freeze({
  /** @see LoadRequest */
  LOAD: 'load',
  /** @see ClassifyRequest */
  CLASSIFY: 'classify',
  /** @see MatricesRequest */
  MATRICES: 'matrices',
  /** @see WeightsRequest */
  WEIGHTS: 'weights',
  /** All tensors of a model file; answered by TensorFacts[]. @see MatricesRequest */
  TENSORS: 'tensors',
  /** How the values of one are spread; answered by Spread. @see WeightsRequest */
  SPREAD: 'spread',
  /** Cancels the request whose id is in `target`; nothing answers this one. */
  CANCEL: 'cancel',
});

/** Reply types, worker to page. */
export const REPLY = Object.freeze({
  /** Sent once, unasked: the worker's modules are loaded. */
  READY: 'ready',
  /** @see ProgressEvent */
  PROGRESS: 'progress',
  /** @see PreviewEvent */
  PREVIEW: 'preview',
  /** The Outcome after the first run, in `value`; more runs follow. */
  ANSWER: 'answer',
  /** The answer, in `value`. */
  DONE: 'done',
  /** @see Failure, in `error` */
  FAILED: 'failed',
});

/** Longest side of a preview in pixels. */
export const PREVIEW_SIDE = 1024;

/**
 * Opens a model; answered by ModelFacts. A model that fails to open leaves the one before in use.
 * @typedef {object} LoadRequest
 * @property {string} [url]  absolute address, or
 * @property {Blob} [file]   a local file
 * @property {string} [sha256]  what the file must have
 * @property {Record<string, string>} [metadata]  what the file does not say
 * @property {import('./import_file.js').Said} [said]  the same of a file of another library, to be imported
 * @property {'auto' | 'scalar'} engine
 */

/**
 * Runs an image; answered by Outcome. It waits for a model that is still loading.
 * @typedef {object} ClassifyRequest
 * @property {Blob} [file]           an encoded image, or
 * @property {ImageBitmap} [bitmap]  a frame (transferred), or
 * @property {PixelData} [pixels]    decoded pixels (buffer transferred)
 * @property {number} image          id of the image, which every answer to it carries
 * @property {number} [region]      where the model's square lies along the longer side, 0 to 1; 0.5 if missing
 * @property {number} topK
 * @property {number} runs           1, or more: then ANSWER comes first, and as many runs more for the times
 * @property {string} [merge]        the name of a list in the model's metadata: which patches are merged
 * @property {boolean} wantsPreview  send a PREVIEW event
 * @property {boolean} wantsAttention  answer with where the class token looked
 */

/**
 * Names the ternary matrices of a model file and counts their weights; answered by MatrixFacts[].
 * @typedef {object} MatricesRequest
 * @property {number} number  of the model, which must be the one in use
 * @property {import('./resources.js').ModelSource} source
 */

/**
 * Draws one of them; answered by PixelData.
 * @typedef {object} WeightsRequest
 * @property {number} number  of the model, which must be the one in use
 * @property {import('./resources.js').ModelSource} source
 * @property {string} name
 */

/**
 * @typedef {object} MatrixFacts
 * @property {string} name  'blocks.0.attn.qkv.weight'
 * @property {number} rows     ternary rows; as many as outputs, or more, which add up to them
 * @property {number} nOut     outputs
 * @property {number} nIn      inputs: weights a row
 * @property {[number, number, number]} counts  of weights -1, 0 and +1
 */

/**
 * @typedef {object} TensorFacts
 * @property {string} name
 * @property {number[]} shape
 * @property {string} type   of its encoding ('trit'), or of its numbers ('f16')
 * @property {number} bytes
 */

/**
 * @typedef {object} Spread
 * @property {number} count  values that were looked at
 * @property {number} low
 * @property {number} high
 * @property {number} mean
 * @property {number} zeros  share of them that is 0
 * @property {number[]} bins  how many values lie in each of as many equal parts from low to high
 */

/**
 * Interleaved 8-bit pixels, rows without padding.
 * @typedef {object} PixelData
 * @property {Uint8Array | Uint8ClampedArray} data
 * @property {number} width
 * @property {number} height
 */

/**
 * @typedef {object} ProgressEvent
 * @property {number} loaded  bytes so far
 * @property {number} total   bytes in all, 0 if unknown
 */

/**
 * The decoded image, at most PREVIEW_SIDE on a side.
 * @typedef {object} PreviewEvent
 * @property {number} image            its id
 * @property {Uint8ClampedArray} data  RGBA
 * @property {number} width
 * @property {number} height
 * @property {number} sourceWidth      before shrinking
 * @property {number} sourceHeight
 */

/**
 * One step of the forward pass, or one stage before it.
 * @typedef {object} Step
 * @property {string} name  'decode', 'preprocess', 'embed', 'blocks.0.attn', ..., 'head'
 * @property {number} ms
 */

/**
 * @typedef {object} Times
 * @property {Step[]} steps  in the order they ran; the median of each
 * @property {number} runs   of so many runs
 * @property {number} [unmergedMs]  all steps of the same image without merging, if there was some
 */

/**
 * @typedef {object} Outcome
 * @property {number} image         id of the image it belongs to
 * @property {number} model         number of the model that gave it, counted from 1
 * @property {import('../lib/vit158.js').Prediction[]} predictions  best first
 * @property {boolean} unsure      the image looks like none of the model's classes
 * @property {Times} times
 * @property {string} logitsSha256
 * @property {PixelData} input      RGBA of what the model was given
 * @property {Float32Array} embedding  the class token's last state
 * @property {import('../lib/vit158.js').Attention | null} attention  if it was wanted
 */

/**
 * @typedef {object} ModelFacts
 * @property {number} number  of the model, counted from 1
 * @property {import('../lib/vit158.js').Info} info
 * @property {string[]} labels
 * @property {boolean} randomised  this thread's canvas changes pixels when they are read back
 * @property {File} [file]  what an imported file has become
 */

/**
 * @typedef {object} Failure
 * @property {string} code     a Vit158Error code, 'E_NO_MODEL', or 'E_INTERNAL'
 * @property {string} message
 */
