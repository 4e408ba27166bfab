// SPDX-License-Identifier: MIT
/**
 * What a file is that was given as a model, by its first bytes, and the command that helps; the same
 * sentences as src/model/what_is.c, which a test compares.
 */
import { NAMES_BYTES } from './model_stream.js';
import { latin1Of } from './platform.js';
import { Vit158Error, isVit158Error } from './errors.js';

const TAKE = "take the model's safetensors or PyTorch file and run vit158 import";

/** By what the file begins with, read as Latin-1. @type {[RegExp, string][]} */
const KINDS = [
  [/^$/, 'is empty: the download failed'],
  [
    /^version https:\/\/git-lfs\.github\.com/,
    'is a Git LFS pointer, not the file itself: run git lfs pull, ' + "or download the file from the model's page",
  ],
  [
    /^PK\x03\x04/,
    'is a ZIP archive, as torch.save writes them (.pth, .bin): run ' + 'vit158 import FILE -o OUT.safetensors',
  ],
  [/^GGUF/, `is a GGUF file (llama.cpp): ${TAKE}`],
  [/^[^]{4}TFL3/, `is a TensorFlow Lite model: ${TAKE}`],
  [/^\x89HDF\r\n\x1a\n/, `is an HDF5 file (Keras, TensorFlow): ${TAKE}`],
  [/^\x1f\x8b/, 'is compressed with gzip: unpack it with gunzip'],
  [/^(\xff\xd8\xff|\x89PNG)/, 'is an image, not a model'],
  [
    /^\x80[\x02-\x05]./,
    "is a pickle in PyTorch's old format (before 1.6): load it with torch.load and " +
      'save its state_dict with torch.save again',
  ],
  [/^\x08[\0-\x1f][\x12:][^]{2}/, `is an ONNX model: ${TAKE}`],
  [/^\s*(<!doctype|<html)/i, 'is an HTML page, not a model: the address leads to a page, a log-in or an error'],
  [
    /^\s*[{[][^\0-\x08]*$/,
    'is JSON text, not a model: if it lies in a Hugging Face folder, run ' + 'vit158 import FOLDER -o OUT.safetensors',
  ],
  [/^[^\0-\x08\x0b\x0c\x0e-\x1f]+$/, 'is text, not a model: look into it, it may be an error message'],
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
];

const HEAD_BYTES = 512;

/**
 * Refuses what begins as no safetensors file does.
 * @param {string} name of the model file
 * @param {Uint8Array} start of it, or all of a short one
 */
export function refuseOthers(name, start) {
  if (start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0)) return;
  const text = latin1Of(start.subarray(0, HEAD_BYTES));
  const kind = KINDS.find(([pattern]) => pattern.test(text));
  const code = start.length > 0 ? 'E_FORMAT' : 'E_TRUNCATED';
  if (kind) throw new Vit158Error(code, `${name} ${kind[1]}`);
}

/**
 * The error, with advice where the tensors' names were the problem.
 * @param {unknown} error of the engine
 * @param {Uint8Array} start of the file
 */
export function withAdvice(error, start) {
  if (!isVit158Error(error) || !/^E_(TENSOR|METADATA|UNSUPPORTED)$/.test(error.code)) return error;
  const text = latin1Of(start.subarray(8, NAMES_BYTES));
  const names = /"format":\s*"vit158"/.test(text) ? undefined : NAMES.find(([pattern]) => pattern.test(text));
  return names ? new Vit158Error(error.code, `${error.message}; ${names[1]}`, { cause: error }) : error;
}
