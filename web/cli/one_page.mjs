// SPDX-License-Identifier: MIT
// The page, a model and sample images as one HTML text, for `vit158 bundle` and `vit158 serve`. The page comes as a
// template (../bundle/make_template.mjs); here the files go into it.
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Vit158Error, messageOf } from '../lib/errors.js';
import { goldenText } from '../lib/golden_file.js';
import { recordPicture } from '../lib/regression.js';
import { sha256Hex } from '../lib/sha256.js';
import { baseName } from '../lib/source.js';
import { complain } from './console.mjs';
import { collectionEntry, findModel, loadModel } from './model.mjs';

const TEMPLATE = new URL('../bundle/template.html.gz', import.meta.url);
const WASM = new URL('../../wasm_build/dist/', import.meta.url);
const MODULES = ['vit158', 'vit158-scalar', 'vit158-decode'];
const PLACE = '<!-- files inside -->';

/** Browsers hold a page's text in one string. */
const MAX_MODEL_BYTES = 200e6;

/** @type {import('./options.mjs').Option} */
export const TITLE_OPTION = {
  name: '--title',
  placeholder: 'TEXT',
  help: "of the page and its window (the page's own)",
};

/**
 * [MODEL] [IMAGE...]: what ends like an image is none.
 * @param {string[]} words of the command line
 * @returns {{wanted: string | undefined, pictures: string[]}}
 */
function modelAndPictures(words) {
  const isPicture = words.length > 0 && /\.(jpe?g|png|webp)$/i.test(words[0]);
  return isPicture ? { wanted: undefined, pictures: words } : { wanted: words[0], pictures: words.slice(1) };
}

/**
 * The page with a model and pictures inside.
 * @param {string} command for complaints
 * @param {string[]} words of the command line: [MODEL] [IMAGE...]
 * @param {string} [title]
 * @returns {Promise<{text: string, model: string, pictures: number} | undefined>} undefined: there was a complaint
 */
export async function pageOf(command, words, title) {
  const { wanted, pictures } = modelAndPictures(words);
  const vit = await loadModel(command, wanted === undefined ? {} : { '--model': wanted });
  if (!vit) return undefined;
  try {
    const samples = await readSamples(command, vit, pictures);
    if (samples.length < pictures.length) return undefined;
    const { name, numericsVersion } = vit.info();
    const text = await fill(titled(readTemplate(), title), findModel(wanted), numericsVersion, samples);
    return { text, model: name, pictures: samples.length };
  } finally {
    vit.dispose();
  }
}

/** @typedef {import('../lib/golden.d.ts').GoldenPicture} GoldenPicture */
/** @typedef {{file: string, title: string, type: string, bytes: Buffer, golden: GoldenPicture}} Sample */

/**
 * Those that the model can be given; the others have been complained about.
 * @param {string} command
 * @param {import('../lib/vit158.d.ts').Classifier} vit
 * @param {string[]} pictures
 */
async function readSamples(command, vit, pictures) {
  /** @type {Sample[]} */
  const samples = [];
  for (const [i, path] of pictures.entries()) {
    try {
      const bytes = readFile(path);
      const file = `image ${i + 1}`;
      const golden = await recordPicture(vit, file, bytes);
      const type = bytes[0] === 0x89 ? 'image/png' : 'image/jpeg';
      samples.push({ file, title: titleOf(path), type, bytes, golden });
    } catch (error) {
      complain(command, path, error);
    }
  }
  return samples;
}

/** "my_cat.jpg" gives "My cat". @param {string} path */
function titleOf(path) {
  const words = basename(path, extname(path))
    .replace(/[_\s-]+/g, ' ')
    .trim();
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** @param {string | URL} path */
function readFile(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Vit158Error('E_IO', `reading ${path}: ${messageOf(error)}`);
  }
}

function readTemplate() {
  try {
    return gunzipSync(readFileSync(TEMPLATE)).toString();
  } catch (error) {
    throw new Vit158Error(
      'E_IO',
      `${fileURLToPath(TEMPLATE)} cannot be read (\`npm run bundle\` makes it): ${messageOf(error)}`,
    );
  }
}

/**
 * The page with another title, in its head and at its top.
 * @param {string} template
 * @param {string} [title]
 */
function titled(template, title) {
  if (title === undefined) return template;
  const text = title.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  return template
    .replace(/(<title>)[^<]*(<\/title>)/, (_all, open, close) => open + text + close)
    .replace(/(<h1[^]*?<span>)[^<]*(<\/span>)/, (_all, open, close) => open + text + close);
}

/**
 * @param {string} template
 * @param {string} path of the model
 * @param {number} numerics version
 * @param {Sample[]} samples
 */
async function fill(template, path, numerics, samples) {
  const model = readFile(path);
  if (model.length > MAX_MODEL_BYTES)
    throw new Vit158Error('E_LIMIT', `the model has ${model.length} bytes, a page holds ${MAX_MODEL_BYTES} at most`);
  const name = baseName(path);
  const file = `${name}.safetensors`;
  const sha256 = await sha256Hex(model);
  const entry = { title: name, ...collectionEntry(sha256), name, file, sha256, bytes: model.length };
  const index = {
    manifest: { default: name, models: [entry] },
    samples: samples.map((sample) => ({ file: sample.file, title: sample.title })),
    types: Object.fromEntries(samples.map((sample) => [sample.file, sample.type])),
    // For "check this browser": what Node gives.
    golden:
      samples.length === 0
        ? null
        : JSON.parse(
            goldenText({
              numerics_version: numerics,
              model: { file, sha256 },
              pictures: samples.map((sample) => sample.golden),
            }),
          ),
  };
  const parts = [
    part('index', JSON.stringify(index).replaceAll('<', '\\u003c')),
    ...MODULES.map((module) => part(`${module}.wasm`, readFile(new URL(`${module}.wasm`, WASM)).toString('base64'))),
    ...samples.map((sample) => part(sample.file, sample.bytes.toString('base64'))),
    part(file, model.toString('base64')),
  ];
  return template.replace(PLACE, () => parts.join('\n'));
}

/**
 * A file as an element that shows and does nothing.
 * @param {string} name
 * @param {string} text without "<"
 */
function part(name, text) {
  return `<script type="text/plain" id="inside:${encodeURIComponent(name)}">${text}</script>`;
}
