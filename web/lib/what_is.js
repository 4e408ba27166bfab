// SPDX-License-Identifier: MIT
/**
 * What a file is that was given as a model, by its first bytes, and the command that helps; the same
 * sentences as src/model/what_is.c, which a test compares.
 */
import { NAMES_BYTES } from './model_stream.js';
import { movedFiles } from './workers.js';
import { hasFiles, latin1Of, textOf } from './platform.js';
import { Vit158Error, isNamed, isVit158Error } from './errors.js';

const TAKE = "take the model's safetensors or PyTorch file and run vit158 import";

/** By what the file begins with, read as Latin-1. @type {[RegExp, string][]} */
const KINDS = [
  [/^$/, 'is empty: the download failed'],
  [
    /^PK\x03\x04[^]*data\.pkl$/,
    'is a ZIP archive, as torch.save writes them (.pth, .bin): run vit158 import FILE -o OUT.safetensors',
  ],
  [
    /^(\x93NUMPY|PK\x03\x04[^]*\.npy$)/,
    'holds NumPy arrays: load them into a model of timm, save its state_dict with torch.save and run vit158 import',
  ],
  [/^PK\x03\x04/, 'is a ZIP archive: unpack it and give the model that is in it'],
  [/^GGUF/, `is a GGUF file (llama.cpp): ${TAKE}`],
  [/^[^]{4}TFL3/, `is a TensorFlow Lite model: ${TAKE}`],
  [/^\x89HDF\r\n\x1a\n/, `is an HDF5 file (Keras, TensorFlow): ${TAKE}`],
  [/^\x1f\x8b/, 'is compressed with gzip: unpack it with gunzip'],
  [
    /^(BZh|\xfd7zXZ\0|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|7z\xbc\xaf\x27\x1c|Rar!|[^]{257}ustar)/,
    'is packed (as tar, bzip2, xz, Zstandard, LZ4, 7-Zip or RAR do): unpack it first',
  ],
  [/^(\xff\xd8\xff|\x89PNG|GIF8|RIFF|II\*\0|[^]{4}ftyp)/, 'is an image or a video, not a model'],
  [/^%PDF-/, 'is a PDF document, not a model'],
  [/^(\xff\xfe|\xfe\xff)/, 'is text in UTF-16, not a model'],
  [/^\x08\x01\x12/, `is a TensorFlow SavedModel: ${TAKE}`],
  [
    /^\x80[\x02-\x05]./s,
    "is a pickle in PyTorch's old format (before 1.6): load it with torch.load and " +
      'save its state_dict with torch.save again',
  ],
  [/^\x08[\0-\x1f](:[^]{2}|\x12[\0-\x7f][^\0-\x1f])/, `is an ONNX model: ${TAKE}`],
];

/** By what text begins with, behind a byte order mark and spaces. @type {[RegExp, string][]} */
const TEXTS = [
  [
    /^version https:\/\/(git-lfs\.github|hawser\.github)\.com/i,
    "is a Git LFS pointer, not the file itself: run git lfs pull, or download the file from the model's page",
  ],
  [
    /^<(!doctype|html|head|body|!--)/i,
    'is an HTML page, not a model: the address leads to a page, a log-in or an error',
  ],
  [
    /^[{[]/,
    'is JSON text, not a model: if it lies in a Hugging Face folder, run vit158 import FOLDER -o OUT.safetensors; ' +
      'it begins with ',
  ],
  [/^/, 'is text, not a model; it begins with '],
];

/** Whose names a header's tensors bear, and what to do. @type {[RegExp, string][]} */
const NAMES = [
  [
    /"(vit|deit|embeddings)\./,
    "these are Hugging Face's names: run vit158 import FOLDER -o OUT.safetensors on the " +
      'folder with its config.json',
  ],
  [/"timm_model\./, "these are Hugging Face's names of a timm model: run vit158 import FOLDER -o OUT.safetensors"],
  [/"module\./, 'names begin with module., as DataParallel writes them: run vit158 import FILE -o OUT.safetensors'],
  [/"model\./, 'names begin with model., as Lightning writes them: run vit158 import FILE -o OUT.safetensors'],
  [
    /"_orig_mod\./,
    'names begin with _orig_mod., as torch.compile writes them: run ' + 'vit158 import FILE -o OUT.safetensors',
  ],
  [/"(conv_proj\.|class_token")/, "these are torchvision's names: run vit158 import FILE -o OUT.safetensors"],
  [/"(cls_token|patch_embed\.)/, "vit158 import FILE -o OUT.safetensors takes timm's variants"],
  [
    /"[^"]*\.(cls_token|patch_embed|class_token|conv_proj)/,
    'these are names of a Vision Transformer inside something else: run vit158 import FILE -o OUT.safetensors',
  ],
  [/^/, 'vit158 import takes Vision Transformers with the names of timm, Hugging Face or torchvision'],
];

const HEAD_BYTES = 512;
/** Of text, and of bytes, that a sentence shows. */
const SHOWN_CHARACTERS = 48;
const SHOWN_BYTES = 6;

const NO_TEXT = /[\0-\x08\x0b\x0c\x0e-\x1f]/;

/**
 * Refuses what begins as no safetensors file does.
 * @param {string} name of the model file
 * @param {Uint8Array} start of it, or all of a short one
 */
export function refuseOthers(name, start) {
  const head = start.subarray(0, HEAD_BYTES);
  const isModel = head.subarray(4, 8).every((byte) => byte === 0) && (head[8] === 0x7b || head.length === 8);
  if (head.length >= 8 && isModel) return;
  const isCut = head.length <= 8 && (head.length === 0 || NO_TEXT.test(latin1Of(head)));
  throw new Vit158Error(isCut ? 'E_TRUNCATED' : 'E_FORMAT', `${name} ${sentence(head)}`);
}

/** @param {Uint8Array} head */
function sentence(head) {
  const text = latin1Of(head);
  // Of a ZIP archive up to the end of its first entry's name.
  const told = text.startsWith('PK\x03\x04') ? text.slice(0, 30 + (text.charCodeAt(26) || 0)) : text;
  const kind = KINDS.find(([pattern]) => pattern.test(told));
  if (kind) return kind[1];
  if (NO_TEXT.test(text))
    return (
      'is not a safetensors file, nor of another kind known here; it begins with the bytes ' +
      Array.from(head.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    );
  const start = text.replace(/^\xef\xbb\xbf/, '').replace(/^[ \n\r\t]+/, '');
  const [, said] = /** @type {[RegExp, string]} */ (TEXTS.find(([pattern]) => pattern.test(start)));
  return said.endsWith(' ') ? said + shown(start) : said;
}

/** The first characters in one line, others than ASCII's as "?". @param {string} text */
function shown(text) {
  const line = text.replace(/[ \n\r\t]+/g, ' ').replace(/[\x7f-\xff]/g, '?');
  return line.slice(0, SHOWN_CHARACTERS).replace(/ $/, '');
}

/**
 * What came instead of a WebAssembly module, to follow that it is none.
 * @param {Uint8Array} bytes
 */
export function instead(bytes) {
  if (bytes.length === 0) return ': it is empty';
  const start = textOf(bytes.slice(0, 40)).replace(/\s+/g, ' ').trim();
  const page = start.startsWith('<') ? ', so a web page came, perhaps for a missing file' : '';
  return `: it begins with ${JSON.stringify(start)}${page}`;
}

/**
 * Of one of the package's modules that is not where it should be: in Node a bundler is the reason.
 * @param {any} error
 */
export function withoutModule(error) {
  const isMoved = hasFiles() && (isNamed(error, 'TypeError') || error.code === 'E_IO');
  if (!isMoved) return error;
  const where = isVit158Error(error) ? ` (${error.message})` : '';
  return new Vit158Error('E_WASM', `${movedFiles(where)}, or import vit158/inline`, { cause: error });
}

/** Codes of what the engine finds wrong with a file. */
const OF_FILES = /^E_(FORMAT|TRUNCATED|LIMIT|JSON|METADATA|TENSOR|VALUE|UNSUPPORTED|NUMERIC)$/;

/**
 * The error with the name of the file, and with advice where the tensors' names were the problem.
 * @param {unknown} error of the engine
 * @param {{name: string, start: Uint8Array}} file
 */
export function withAdvice(error, { name, start }) {
  if (!isVit158Error(error) || !OF_FILES.test(error.code) || error.message.startsWith(name)) return error;
  const text = latin1Of(start.subarray(8, NAMES_BYTES));
  const isForeign = /^E_(TENSOR|METADATA|UNSUPPORTED)$/.test(error.code) && !/"format":\s*"vit158"/.test(text);
  const isAdvised = error.message.includes('run `vit158');
  const advice = isForeign && !isAdvised ? NAMES.find(([pattern]) => pattern.test(text)) : undefined;
  const message = `${name}: ${error.message}${advice ? `; ${advice[1]}` : ''}`;
  return new Vit158Error(error.code, message, { cause: error });
}
