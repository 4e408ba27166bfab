// SPDX-License-Identifier: MIT
// "Check this browser": runs images and compares every step with what was recorded of them in Node or
// natively. Checked is the model in use if there is a record of it, else the first that has one; or
// any model by a golden file of the visitor's, with the images it names.
import { verify } from '../lib/golden.js';
import { sha256Hex } from '../lib/sha256.js';
import { fetchManifest, goldenFile, loadPool, modelSource } from './resources.js';

/**
 * What is checked.
 * @typedef {object} Checked
 * @property {string} title  of the model, for people
 * @property {import('./resources.js').ModelSource} source
 * @property {import('../lib/golden.js').Golden} golden
 * @property {(file: string) => import('../lib/vit158.js').ByteSource} read
 */

/** @typedef {import('./models.js').Entry} Entry */

/**
 * @param {Entry | null} inUse
 * @returns {Promise<Checked>}
 */
export async function recorded(inUse) {
  const { models } = await fetchManifest();
  const entry = [inUse, ...models].find((one) => one && goldenFile(one));
  const place = entry && goldenFile(entry);
  if (!entry || !place) throw new Error('this page has no recorded results inside');
  const golden = await place.golden();
  if (golden.model.sha256 !== entry.sha256) throw new Error(`the record is not of ${entry.title}`);
  return { title: entry.title, source: await modelSource(entry), golden, read: place.read };
}

/**
 * @param {File[]} files  a golden file, the images that it names, and maybe its model
 * @param {import('./panels.js').ModelInUse | null} inUse
 * @returns {Promise<Checked>}
 */
export async function recordedIn(files, inUse) {
  const json = files.find(({ name }) => /\.json$/i.test(name));
  if (!json) throw new Error('choose a golden file (.json) together with the pictures that it names');
  const golden = parse(await json.text(), json.name);
  const { sha256 } = golden.model;
  const local = [files.find(({ name }) => /\.safetensors$/i.test(name)), inUse?.source.file];
  /** @type {{title: string, source: import('./resources.js').ModelSource} | undefined} */
  let found;
  for (const file of local) {
    if (!file || (await sha256Hex(new Uint8Array(await file.arrayBuffer()))) !== sha256) continue;
    found = { title: 'name' in file ? String(file.name) : 'the model in use', source: { file, sha256 } };
  }
  if (!found) {
    const entry = (await fetchManifest()).models.find((one) => one.sha256 === sha256);
    if (!entry) throw new Error(`${json.name} is of another model: choose its .safetensors file as well`);
    found = { title: entry.title, source: await modelSource(entry) };
  }
  const read = (/** @type {string} */ path) => {
    const wanted = path.replace(/.*\//, '');
    const file = files.find(({ name }) => name === wanted);
    if (!file) throw new Error(`${json.name} names ${wanted}: choose it as well`);
    return file;
  };
  return { ...found, golden, read };
}

/** @param {string} text @param {string} name @returns {import('../lib/golden.js').Golden} */
function parse(text, name) {
  try {
    const golden = JSON.parse(text);
    if (golden?.format === 'vit158-golden' && typeof golden.model?.sha256 === 'string') return golden;
  } catch {
    // said below
  }
  throw new Error(`${name} is no golden file, as \`vit158 record\` writes them`);
}

/**
 * @param {Checked} checked
 * @param {{variant: 'auto' | 'scalar', hasWorkers: boolean}} how  to run the model
 * @param {(progress: {done: number, total: number}) => void} onProgress
 * @returns {Promise<string[]>} for people: the verdict, then a line for each image that differs
 */
export async function checkBrowser({ title, source, golden, read }, { variant, hasWorkers }, onProgress) {
  const { sha256 } = golden.model;
  const classifier = await loadPool({ ...source, sha256 }, { variant, worker: hasWorkers && 1 });
  try {
    const report = await verify(golden, { classifier, modelSha256: sha256, read, onProgress });
    const { same, pictures, engine } = report;
    if (report.ok) {
      const [all, give] = same === 1 ? ['The picture', 'gives'] : [`All ${same} pictures`, 'give'];
      return [`${all} ${give} the logits recorded of ${title}, bit for bit (${engine}).`];
    }
    const wrong = pictures.filter(({ ok }) => !ok);
    return [
      `${wrong.length} of ${pictures.length} picture${pictures.length === 1 ? '' : 's'} differ${wrong.length === 1 ? 's' : ''} here from what was recorded of ${title} (${engine}).`,
      ...wrong.map(
        ({ file, message, firstDifference }) =>
          `${file}: ${message}${firstDifference ? ` First difference: ${firstDifference}.` : ''}`,
      ),
    ];
  } finally {
    classifier.dispose();
  }
}
