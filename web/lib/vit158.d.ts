// SPDX-License-Identifier: MIT
/**
 * vit158: ternary Vision Transformers in a page, a worker or Node.
 *
 *     const vit = await Classifier.load('model.safetensors');
 *     const { predictions } = await vit.classify(file);
 *
 * Letters: N tokens (class token included), d width, H heads, L blocks, C classes, S image side.
 */

export declare const VERSION: string;

/** Stable codes of Vit158Error; new ones may be added. */
export type ErrorCode =
  /** a caller's value is out of range, or a method was called without its object */
  | 'E_ARGUMENT'
  /** a source or image is of a type that is not taken, or cannot be read */
  | 'E_INPUT'
  /** the object has been disposed of, or its engine crashed before */
  | 'E_STATE'
  /** not enough memory */
  | 'E_MEMORY'
  /** the caller's signal was aborted (`cause` is its reason) or the deadline has passed */
  | 'E_ABORT'
  /** a URL could not be fetched, or returned something else */
  | 'E_NETWORK'
  /** a model file's SHA-256 is not the one that the caller asked for */
  | 'E_INTEGRITY'
  /** a local file could not be read */
  | 'E_IO'
  /** WebAssembly or its module is missing, the module is not one of this version, or it crashed */
  | 'E_WASM'
  /** not a file of the expected kind */
  | 'E_FORMAT'
  /** the file ends before it should */
  | 'E_TRUNCATED'
  /** larger than a documented limit */
  | 'E_LIMIT'
  /** model: the header is not valid JSON */
  | 'E_JSON'
  /** model: a metadata value is missing, malformed or contradicts a shape */
  | 'E_METADATA'
  /** model: a tensor is missing, misplaced or of the wrong type or shape */
  | 'E_TENSOR'
  /** model: a stored number is not finite, or not a trit code */
  | 'E_VALUE'
  /** image: damaged or inconsistent data */
  | 'E_IMAGE'
  /** valid, but of a kind that is not handled here */
  | 'E_UNSUPPORTED'
  /** the model gave a logit that is not finite */
  | 'E_NUMERIC'
  /** a helper thread or worker died, or could not be started: load the model anew */
  | 'E_THREAD'
  /** a function of the caller's has thrown (`cause`), or this package has a defect */
  | 'E_INTERNAL';

/** Everything this package throws. After an error other than E_STATE the object works on. */
export declare class Vit158Error extends Error {
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown });
  readonly name: 'Vit158Error';
  readonly code: ErrorCode;
}

/**
 * A file. Strings are URLs in browsers; in Node they are paths, unless they begin with http:,
 * https:, data:, blob: or file:.
 */
export type ByteSource = Awaitable<string | URL | Blob | ArrayBuffer | ArrayBufferView | Response>;

/** An image: a JPEG or PNG file (in Node WebP, too), any other file or object that the browser draws, or pixels. */
export type ImageInput =
  | ByteSource
  | Awaitable<
      | PixelData
      | Global<'ImageData'>
      | Global<'ImageBitmap'>
      | Global<'HTMLImageElement'>
      | Global<'HTMLCanvasElement'>
      | Global<'HTMLVideoElement'>
      | Global<'OffscreenCanvas'>
      | Global<'VideoFrame'>
    >;

/** Interleaved 8-bit pixels, rows without padding: 1 (grey), 3 (RGB) or 4 (RGBA) bytes each. */
export interface PixelData {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/** A WebAssembly module: its file, or a WebAssembly.Module compiled before. */
export type WasmSource = ByteSource | Awaitable<WasmModule>;

export interface LoadProgress {
  /** Bytes of the model so far. */
  loaded: number;
  /** Bytes of the whole model, 0 as long as they are unknown: what a server announces may be wrong. */
  total: number;
}

/**
 * Which blocks merge tokens that are alike, so that those after them cost less: "off"; a list of block:tokens, blocks
 * from 0, such as "4:45,6:40,8:35"; or a name for which the model's metadata have such a list (merge_fast, merge_faster,
 * merge_fastest). Logits change a little; attention maps and rollout keep their size.
 */
export type Merge = 'off' | 'fast' | 'faster' | 'fastest' | (string & {});

/** In all options null counts as not given; names that are not here are refused. */
export interface LoadOptions {
  signal?: AbortSignal | null;
  onProgress?: ((progress: LoadProgress) => void) | null;
  /** Hexadecimal SHA-256 that the model file must have; another one fails with E_INTEGRITY. */
  sha256?: string | null;
  /**
   * Replaces or adds to the file's metadata, for files that lack what no shape tells: a bare timm file opens with
   * { heads: '3', mean: '0.5,0.5,0.5', std: '0.5,0.5,0.5', labels: '["cat", "dog"]' }.
   */
  metadata?: Record<string, string> | null;
  /** Which module to run; "auto" takes simd128 where it runs. All give the same logits. */
  engine?: 'auto' | 'scalar' | 'simd128';
  /** Kernel of the ternary products; all give the same logits. */
  gemm?: 'auto' | 'dot' | 'table';
  /** What calls merge unless they say otherwise; default "off". */
  merge?: Merge;
  /**
   * Threads inside one image, if this engine can share memory (Node; workers of cross-origin isolated
   * pages); otherwise there is one, and no error. "auto", the default: as many as there are cores, at
   * most 4, for models of 1 MB and more. All counts give the same logits; info() tells how many run.
   */
  threads?: number | 'auto';
  /**
   * Let workers do the work: the calling thread stays free and, with a number n, n images run at
   * once, each worker with the model in memory of its own. Needs no shared memory. true = 1.
   */
  worker?: boolean | number;
  /**
   * Makes the workers instead of the package, for bundlers that do not find them, or pages that load
   * this package from another origin: a worker whose module calls serveClassifier() of "vit158/worker".
   */
  newWorker?: (() => WorkerLike) | null;
  /** Where the WebAssembly modules come from instead of the package's own files. */
  wasm?: WasmSource | { engine?: WasmSource; threads?: WasmSource; decoder?: WasmSource; webp?: WasmSource };
}

/** A Worker, of a browser or of node:worker_threads. */
export interface WorkerLike {
  postMessage(message: any, transfer?: any): void;
  terminate(): unknown;
}

export interface RunOptions {
  /**
   * Stops the call: waiting for an image at once, work within one step of the forward pass (about 1/2L of it),
   * decoding at its end; with `worker` within 50 ms in any case.
   */
  signal?: AbortSignal | null;
  /** Stops the call in the same way once so many milliseconds have passed. */
  deadlineMs?: number | null;
}

export interface MergeOptions extends RunOptions {
  /** What to merge, if not what `load` said. Sessions of the last four kinds (`merge`, `explain`) are kept. */
  merge?: Merge;
}

export interface ClassifyOptions extends MergeOptions {
  /** How many predictions, at most; default 5. Infinity gives all. */
  topK?: number;
  /** Smallest score that is returned, 0 to 1; default 0. */
  threshold?: number;
  /** Also return the attention of the class token; a session of its own, see `merge`. */
  explain?: boolean;
  /** Also return a hash of what each step left behind, to see where two runs part. */
  stepHashes?: boolean;
  /** Also return what `embed` would. */
  embedding?: boolean;
  /** Also return what `preprocess` would. */
  input?: boolean;
}

export interface Prediction {
  /** "" if the model has no labels. */
  label: string;
  /** Softmax probability. */
  score: number;
  index: number;
}

/** Milliseconds. */
export interface Timing {
  /** Image file or canvas to pixels; reading or fetching the file is not counted. */
  decode: number;
  /** Resize, crop, normalise. */
  preprocess: number;
  embed: number;
  blocks: number;
  head: number;
  /** The sum of the above. */
  total: number;
  /** "embed", "blocks.0.attn", "blocks.0.mlp", ..., "head". */
  steps: { name: string; ms: number }[];
}

/** Where the class token looked; of a model that reads several tokens, or averages the patches, the mean of theirs. */
export interface Attention {
  depth: number;
  heads: number;
  tokens: number;
  /** Tokens before the patches, among them the class token. */
  prefixTokens: number;
  /** Patches along one side of the image: tokens = prefixTokens + side^2. */
  side: number;
  /**
   * [depth][heads][tokens]: attention probabilities, of prefixTokens tokens first, then of the patches; zeros for heads
   * that a block of a pruned model lacks.
   */
  values: Float32Array;
  /** [side][side]: attention rollout through all blocks, per patch. */
  rollout: Float32Array;
}

export interface Classification {
  /** Best first. */
  predictions: Prediction[];
  /** True if the best score is below the model's metadata `unsure`: most likely none of the classes. */
  unsure: boolean;
  timing: Timing;
  /** One per class, in class order. */
  logits: Float32Array;
  /** Hexadecimal SHA-256 of the logits as little-endian float32: equal bits, equal hash. */
  logitsSha256: string;
  /** With `stepHashes` only: of "preprocess", then each step of `timing.steps`. */
  stepHashes?: { name: string; sha256: string }[];
  /** With `explain` only. */
  attention?: Attention;
  /** With `embedding` only. */
  embedding?: Float32Array;
  /** With `input` only. */
  input?: Float32Array;
}

/** What `classify` gives for its options: what was asked for with `true` is there. */
export type ClassificationFor<Options> = Classification &
  (Options extends { explain: true } ? { attention: Attention } : unknown) &
  (Options extends { embedding: true } ? { embedding: Float32Array } : unknown) &
  (Options extends { input: true } ? { input: Float32Array } : unknown) &
  (Options extends { stepHashes: true } ? { stepHashes: { name: string; sha256: string }[] } : unknown);

export interface ModelInfo {
  /** S: side of the square input in pixels. */
  imageSize: number;
  patchSize: number;
  channels: number;
  dim: number;
  depth: number;
  /** H: the most of a block, if they differ as in a pruned model; mlpDim is the widest likewise. */
  heads: number;
  /** Channels of a head, dim / heads unless heads were removed. */
  headDim: number;
  mlpDim: number;
  /** 0 if the model has no head: it then gives embeddings only. */
  classes: number;
  tokens: number;
  /** Every weight, bias and norm; scales are not counted. */
  parameters: number;
  /** Of these, weights stored as trits. */
  ternaryParameters: number;
  /** And weights stored as int8. */
  int8Parameters: number;
  fileBytes: number;
  /** Memory the weights occupy. */
  weightBytes: number;
  /** Tokens before the patches: class token, registers and the like. */
  prefixTokens: number;
  /** Values of an embedding: dim, or a multiple of it. */
  embedding: number;
}

export interface Info {
  /** Of this package. */
  version: string;
  /** Logits are equal bit for bit between engines that agree on it. */
  numericsVersion: number;
  engine: 'scalar' | 'simd128';
  gemm: 'auto' | 'dot' | 'table';
  /** What calls merge unless they say otherwise, as a list in order of blocks, or "off". */
  merge: string;
  /** Threads available for one image. */
  threads: number;
  /** Workers that share the images; 0: the calling thread does the work. */
  workers: number;
  /** Memory of the WebAssembly instance (of each worker's, if there are several): weights, session and the engine itself. */
  memoryBytes: number;
  /** Of these, the last used session's. */
  sessionBytes: number;
  /** The file's name without its folder and ".safetensors"; "" if it has none. */
  name: string;
  /** Of the file, as it was asked for with the option `sha256`; "" if nobody asked. */
  sha256: string;
  model: ModelInfo;
  /** The file's metadata: dataset, licence, accuracy, preprocessing recipe, ... */
  metadata: Record<string, string>;
}

/** What a model's file is made of: what `vit158 inspect --json` prints, which ../COMMANDS.md describes. */
export interface Inspection {
  kind: 'ternary' | 'dense';
  image_size: number;
  patch_size: number;
  channels: number;
  dim: number;
  depth: number;
  heads: number;
  head_dim: number;
  mlp_dim: number;
  classes: number;
  tokens: number;
  prefix_tokens: number;
  embedding: number;
  parameters: number;
  ternary_parameters: number;
  int8_parameters: number;
  file_bytes: number;
  /** Of a block: "2 outer, 4 inner". */
  norms: string;
  outer_norms: boolean;
  inner_norms: boolean;
  bytes: { file: number; formula: number; header: number; matrices: number; scales: number; rest: number };
  /** Type of the tensors that are neither matrix nor scale. */
  rest_type: string;
  bits_per_weight: number;
  matrices: MatrixFacts[];
  tensors: { name: string; type: string; shape: number[]; bytes: number }[];
  /** Without long lists such as the labels. */
  metadata: Record<string, string>;
}

export interface MatrixFacts {
  name: string;
  /** "trit", or that of its numbers: "I8", "F32", "F16", "BF16". */
  type: string;
  n_out: number;
  n_in: number;
  /** Ternary rows that add up to the outputs, if there are more than outputs. */
  rows?: number;
  bytes: number;
  /** Share of ternary weights that is 0. */
  zeros?: number;
  /** The first scale of ternary weights. */
  scale?: number;
}

export declare class Classifier {
  private constructor();

  /**
   * Loads a model file. Its bytes are checked as they arrive and laid straight into the engine's
   * memory, so loading needs little more than the file's size. In Node the name of a model that comes
   * with the package will do, such as 'vit158-cifar10'.
   */
  static load(source: ByteSource, options?: LoadOptions | null): Promise<Classifier>;

  /** Calls on one Classifier run one after the other, in the order made. */
  classify<const Options extends ClassifyOptions = ClassifyOptions>(
    image: ImageInput,
    options?: Options | null,
  ): Promise<ClassificationFor<Options>>;

  /** Logits [C] of a normalised tensor [channels][S][S]; of a model without a head the embedding. */
  forward(tensor: ArrayLike<number>, options?: MergeOptions | null): Promise<Float32Array>;

  /** What the head multiplies, [model.embedding]: the class token or the patches' mean, normalised. */
  embed(image: ImageInput, options?: MergeOptions | null): Promise<Float32Array>;

  /** The tensor [channels][S][S] that classify would run. */
  preprocess(image: ImageInput, options?: RunOptions | null): Promise<Float32Array>;

  info(): Info;

  /** Reads every ternary weight: for information, not for each image. */
  inspect(): Promise<Inspection>;

  /** All labels in class order. */
  labels(): string[];

  /** Frees the memory. Running calls fail with E_STATE; calling it again does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

export interface DecodeOptions {
  signal?: AbortSignal | null;
  /** Where the decoder's WebAssembly module comes from instead of the package's own file. */
  wasm?: WasmSource | { decoder?: WasmSource; webp?: WasmSource };
}

/**
 * An image's pixels as classify sees them: upright, before resizing. JPEG and PNG files give the
 * same pixels in every engine.
 */
export declare function decodeImage(
  image: ImageInput,
  options?: DecodeOptions | null,
): Promise<PixelData & { channels: 1 | 3 | 4 }>;

/** True if this engine runs the simd128 module. */
export declare function hasSimd128(): boolean;

type Awaitable<T> = T | Promise<T>;

/** Instances of a global class; never where there is none, as browsers' classes in Node. */
type Global<Name extends string> = typeof globalThis extends Record<Name, { prototype: infer T }> ? T : never;

type WasmModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer T } } } ? T : never;

declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}
