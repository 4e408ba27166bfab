// SPDX-License-Identifier: MIT
// Many images: shared out to workers, answered in the order given, with bounded memory, until Ctrl-C.
import os from 'node:os';

/** @typedef {import('../lib/vit158.d.ts').Classifier} Classifier */
/** @typedef {import('../lib/vit158.d.ts').Classification} Classification */
/** @typedef {{file: string, image: () => any}} NamedImage its name, and what is handed to the library */
/** @typedef {Pick<Classification, 'predictions' | 'timing' | 'logits' | 'logitsSha256' | 'unsure'>} Found */
/** @typedef {{found?: Found, error?: unknown}} Outcome one of the two */

/** A worker is started for so many bytes of model run (images times its size): less than that takes
 * less time than the start. */
const BYTES_A_WORKER = 10e6;
const MOST_WORKERS = 8;

/** Calls that each worker has waiting, so that it never is idle. */
const AHEAD = 2;

/** @type {import('./options.mjs').Option} */
export const WORKERS_OPTION = {
  name: '--workers',
  placeholder: 'N',
  range: [1, 64],
  help: 'images at once (by cores)',
};

/**
 * How many images to run at once.
 * @param {import('./options.mjs').Values} values
 * @param {number} images
 * @param {number} modelBytes
 */
export function chooseWorkers(values, images, modelBytes) {
  const { '--workers': workers, '--threads': threads = 1 } = values;
  if (workers !== undefined) return Math.min(Number(workers), Math.max(1, images));
  if (Number(threads) > 1) return 1;
  const cores = os.availableParallelism?.() ?? os.cpus().length; // Node 18.13 lacks the former
  const worthIt = Math.floor((images * modelBytes) / BYTES_A_WORKER);
  return Math.max(1, Math.min(cores, MOST_WORKERS, images, worthIt));
}

/**
 * What is asked of each image.
 * @typedef {(image: import('../lib/vit158.d.ts').ImageInput) => Promise<Found>} Ask
 */

/**
 * Classifies images; `done` gets the outcomes in their order, each as soon as those before it are there, also
 * while the next image is still to be named. Ends early, without a word, when the signal is aborted.
 * @param {Classifier} vit
 * @param {Iterable<NamedImage> | AsyncIterable<NamedImage>} images
 * @param {Ask} ask
 * @param {AbortSignal} signal
 * @param {(index: number, file: string, outcome: Outcome) => void} done
 */
export async function classifyInOrder(vit, images, ask, signal, done) {
  const width = Math.max(1, vit.info().workers * AHEAD);
  const source = iterate(images);
  /** @type {{file: string, outcome: Promise<Outcome>}[]} */
  const running = [];
  /** @type {Promise<IteratorResult<NamedImage>> | undefined} */
  let coming = source.next();
  for (let index = 0; coming || running.length > 0;) {
    const next = running.length < width ? coming : undefined;
    const first = running[0]?.outcome;
    /** @type {any} an IteratorResult or an Outcome */
    const event = await Promise.race([...(next ? [next] : []), ...(first ? [first] : [])]);
    if (signal.aborted) return;
    if ('found' in event || 'error' in event) {
      done(index++, /** @type {{file: string}} */ (running.shift()).file, event);
    } else if (event.done) {
      coming = undefined;
    } else {
      const { file, image } = /** @type {NamedImage} */ (event.value);
      running.push({ file, outcome: outcomeOf(async () => ask(await image())) });
      coming = source.next();
    }
  }
}

/** @param {() => Promise<Found>} work @returns {Promise<Outcome>} */
const outcomeOf = (work) =>
  work().then(
    (found) => ({ found }),
    (error) => ({ error }),
  );

/** @param {Iterable<NamedImage> | AsyncIterable<NamedImage>} images */
async function* iterate(images) {
  yield* images;
}

/**
 * Runs work that can be interrupted: Ctrl-C aborts the signal; when the work has ended and cleared up
 * after itself, the process ends as Ctrl-C would have ended it. A second Ctrl-C does not wait.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function interruptible(work) {
  const controller = new AbortController();
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM'];
  /** @type {NodeJS.Signals | undefined} */
  let received;
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    received = signal;
    for (const name of signals) process.off(name, stop);
    controller.abort();
  };
  for (const name of signals) process.on(name, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of signals) process.off(name, stop);
    if (received) process.kill(process.pid, received);
  }
}
