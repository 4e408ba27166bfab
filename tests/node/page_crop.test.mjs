// SPDX-License-Identifier: MIT
// The frame that the page draws: which part of an image a model sees, of models that crop and that squash.
import assert from 'node:assert/strict';
import test from 'node:test';
import { areaOf, cropOf, inputWords } from '../../web/app/crop.js';

/** @param {Record<string, string>} metadata */
const crop = (metadata) => cropOf(/** @type {any} */ ({ model: { imageSize: 224 }, metadata }));

test('a model that crops sees a square of the shorter side', () => {
  const cropped = crop({ resize: '256' });
  assert.deepEqual(cropped, { side: 224, share: 0.875, squash: false });
  assert.deepEqual(areaOf(cropped, 400, 200, 0.5), { left: 112.5, top: 12.5, width: 175, height: 175 });
  assert.deepEqual(areaOf(cropped, 200, 400, 1), { left: 12.5, top: 212.5, width: 175, height: 175 });
  assert.equal(inputWords(cropped, 400, 200), 'Model input: the square drawn on it, 224 × 224');
  const whole = crop({});
  assert.deepEqual(areaOf(whole, 300, 300, 0.5), { left: 0, top: 0, width: 300, height: 300 });
  assert.equal(inputWords(whole, 300, 300), 'Model input: all of it, 224 × 224');
});

test('a model that squashes sees all of it, or the same share of both sides', () => {
  const squashed = crop({ resize: '224', resize_mode: 'squash' });
  assert.deepEqual(squashed, { side: 224, share: 1, squash: true });
  assert.deepEqual(areaOf(squashed, 400, 200, 0.9), { left: 0, top: 0, width: 400, height: 200 });
  assert.equal(inputWords(squashed, 400, 200), 'Model input: all of it, squashed to 224 × 224');
  assert.equal(inputWords(squashed, 200, 200), 'Model input: all of it, 224 × 224');
  const both = crop({ crop_pct: '0.875', resize_mode: 'squash' });
  assert.deepEqual(areaOf(both, 400, 200, 0), { left: 25, top: 12.5, width: 350, height: 175 });
  assert.equal(inputWords(both, 400, 200), 'Model input: what is drawn on it, squashed to 224 × 224');
});
