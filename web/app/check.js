// SPDX-License-Identifier: MIT
// "Check this browser": runs the sample pictures and compares every step with what was recorded in
// Node. It is the golden file's model that is run, whichever is in use.
import { verify } from '../lib/golden.js';
import { fetchManifest, goldenFile, loadPool, modelSource } from './resources.js';

/**
 * @param {{variant: 'auto' | 'scalar', hasWorkers: boolean}} how  to run the model
 * @param {(progress: {done: number, total: number}) => void} onProgress
 * @returns {Promise<string[]>} for people: the verdict, then a line for each picture that differs
 */
export async function checkBrowser({ variant, hasWorkers }, onProgress) {
  const place = goldenFile();
  if (!place) throw new Error('this page has no recorded results inside');
  const golden = await place.golden();
  const { sha256 } = golden.model;
  const entry = (await fetchManifest()).models.find((one) => one.sha256 === sha256);
  if (!entry) throw new Error('the model that was recorded is not offered here');
  const source = await modelSource(entry);
  const classifier = await loadPool(source, { variant, worker: hasWorkers && 1 });
  try {
    const { read } = place;
    const report = await verify(golden, { classifier, modelSha256: sha256, read, onProgress });
    const { same, pictures, engine } = report;
    if (report.ok)
      return [`All ${same} pictures give the recorded logits here, bit for bit (${engine}).`];
    const wrong = pictures.filter(({ ok }) => !ok);
    return [
      `${wrong.length} of ${pictures.length} pictures differ here (${engine}).`,
      ...wrong.map(({ file, message, firstDifference }) =>
        `${file}: ${message}${firstDifference ? ` First difference: ${firstDifference}.` : ''}`,
      ),
    ];
  } finally {
    classifier.dispose();
  }
}
