// SPDX-License-Identifier: MIT
// What a file is that could not be shown as an image: told by its first bytes, for a sentence that
// says what it is and what to do.

/** @typedef {{title: string, hint: string}} Words */

const SAVE = 'Open it in the app that made it and save or export it as JPEG or PNG.';
const NO_PICTURE = 'Pictures are JPEG, PNG, WebP, AVIF, GIF or BMP files; models are .safetensors files.';

/** @type {[name: string, matches: (head: string, name: string) => boolean, words: Words][]} */
const KINDS = [
  [
    'heic',
    (head) => /^.{4}ftyp(hei[cxms]|hev[cx]|mif1|msf1)/s.test(head),
    {
      title: 'A HEIC photo',
      hint: 'This browser cannot show HEIC. On an iPhone choose Settings, Camera, Formats, “Most Compatible”; on a Mac open it in Preview and export it as JPEG.',
    },
  ],
  [
    'avif',
    (head) => /^.{4}ftypavi[fs]/s.test(head),
    {
      title: 'An AVIF picture',
      hint: `This browser cannot show it. ${SAVE}`,
    },
  ],
  [
    'webp',
    (head) => /^RIFF.{4}WEBP/s.test(head),
    {
      title: 'A WebP picture',
      hint: `This browser cannot show it. ${SAVE}`,
    },
  ],
  [
    'jxl',
    (head) => /^\xff\x0a|^\0\0\0\x0cJXL /.test(head),
    {
      title: 'A JPEG XL picture',
      hint: `This browser cannot show it. ${SAVE}`,
    },
  ],
  [
    'raw',
    (head, name) => /^(II\*\0|MM\0\*)/.test(head) && /\.(cr2|nef|arw|dng|orf|rw2)$/i.test(name),
    {
      title: 'A raw camera file',
      hint: 'Develop it in a photo app and save it as JPEG.',
    },
  ],
  [
    'tiff',
    (head) => /^(II\*\0|MM\0\*)/.test(head),
    {
      title: 'A TIFF picture',
      hint: `This browser cannot show it. ${SAVE}`,
    },
  ],
  ['psd', (head) => head.startsWith('8BPS'), { title: 'A Photoshop file', hint: SAVE }],
  [
    'pdf',
    (head) => head.startsWith('%PDF-'),
    {
      title: 'A PDF document',
      hint: `It is no picture: take a screenshot of the page, or export the picture in it. ${NO_PICTURE}`,
    },
  ],
  [
    'onnx',
    (head, name) => /\.onnx$/i.test(name) || /^\x08[\x01-\x0f]\x12.{0,24}(pytorch|onnx|tf2onnx)/s.test(head),
    {
      title: 'An ONNX model',
      hint: 'vit158 opens .safetensors files of Vision Transformers; export the checkpoint itself, not the ONNX graph.',
    },
  ],
  [
    'torch',
    (_head, name) => /\.(pt|pth|ckpt)$/i.test(name),
    {
      title: 'A PyTorch checkpoint',
      hint: 'Open it as a model, not as a picture; or turn it into one with vit158 import.',
    },
  ],
  [
    'gguf',
    (head) => head.startsWith('GGUF'),
    {
      title: 'A GGUF model',
      hint: 'vit158 opens .safetensors files of Vision Transformers.',
    },
  ],
  [
    'zip',
    (head) => head.startsWith('PK\x03\x04'),
    {
      title: 'A ZIP archive or an office document',
      hint: `Unpack it and give the pictures in it. ${NO_PICTURE}`,
    },
  ],
  [
    'svg',
    (head, name) => /^\s*(<\?xml[^>]*>\s*)?(<!-{2}.*?-->\s*)?<svg[\s>]/s.test(head) || /\.svg$/i.test(name),
    {
      title: 'An SVG drawing',
      hint: 'It could not be drawn; it may lack a width and a height. Save it as PNG.',
    },
  ],
  [
    'html',
    (head) => /^\s*<(!doctype html|html)/i.test(head),
    {
      title: 'A web page',
      hint: `Save the picture itself, not the page around it. ${NO_PICTURE}`,
    },
  ],
  [
    'text',
    (head) => head.length > 0 && !/[^\t\n\r\x20-\x7e\x80-\xff]/.test(head),
    {
      title: 'A text file',
      hint: `It holds no picture. ${NO_PICTURE}`,
    },
  ],
  ['empty', (head) => head === '', { title: 'An empty file', hint: 'Download or copy it again.' }],
];

/** What is read of a file to know it. */
export const HEAD_BYTES = 256;

/**
 * @param {Uint8Array} head  the first HEAD_BYTES of the file, or all of a shorter one
 * @param {string} name      of the file
 * @returns {Words | null}   null if it is none of those known
 */
export function kindWords(head, name) {
  const text = Array.from(head, (byte) => String.fromCharCode(byte)).join('');
  return KINDS.find(([, matches]) => matches(text, name))?.[2] ?? null;
}

/** @param {Blob} file @param {string} name @returns {Promise<Words | null>} */
export async function describeFile(file, name) {
  try {
    return kindWords(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()), name);
  } catch {
    return null; // it cannot be read at all, which is said elsewhere
  }
}
