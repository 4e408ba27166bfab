// SPDX-License-Identifier: MIT
// Parts of the page that are plain functions.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { count, duration, labelParts, percent, rate, size, timeLeft } from '../../web/app/format.js';
import { kindWords } from '../../web/app/file_kinds.js';
import { certainty, scopeWords, untrainedWords } from '../../web/app/messages.js';
import { ternaryBits } from '../../web/app/models.js';
import { shrinkToRgba, squareOf, tensorToRgba } from '../../web/app/pixels.js';
import { median } from '../../web/app/service.js';
import { blockTimes, stageTotals } from '../../web/app/timing.js';

test('numbers for people', () => {
  assert.deepEqual([0.004, 0.42, 9.994, 9.996, 99.94, 99.96, 999, 1250].map(duration), [
    '0.00 ms',
    '0.42 ms',
    '9.99 ms',
    '10.0 ms',
    '99.9 ms',
    '100 ms',
    '999 ms',
    '1.25 s',
  ]);
  assert.deepEqual([999, 1000, 452123, 999499, 999500, 12345678, 123456789].map(size), [
    '999 B',
    '1 kB',
    '452 kB',
    '999 kB',
    '1.00 MB',
    '12.3 MB',
    '123 MB',
  ]);
  assert.deepEqual([0, 0.0004, 0.001, 0.5, 0.99949, 0.9996, 1].map(percent), [
    '0.0%',
    '<0.1%',
    '0.1%',
    '50.0%',
    '99.9%',
    '>99.9%',
    '100.0%',
  ]);
  assert.deepEqual([10, 823456, 5717416, 303e6].map(count), ['10', '823 k', '5.72 M', '303 M']);
  assert.deepEqual([3.14159, 9.96, 412.4].map(rate), ['3.1', '10.0', '412']);
});

test('labels', () => {
  assert.deepEqual(labelParts('tench, Tinca tinca', 0), ['tench', 'Tinca tinca']);
  assert.deepEqual(labelParts('cat', 3), ['cat', '']);
  assert.deepEqual(labelParts('', 3), ['class 3', '']);
});

test('certainty names the rival when there is one', () => {
  /** @param {number} first @param {number} second */
  const words = (first, second) =>
    certainty([
      { label: 'cat', score: first, index: 3 },
      { label: 'dog, hound', score: second, index: 5 },
    ]);
  assert.equal(words(0.97, 0.02), 'It is very sure.');
  assert.match(words(0.7, 0.2), /fairly sure; .* dog\./);
  assert.match(words(0.4, 0.38), /cannot decide: dog/);
  assert.match(words(0.4, 0.2), /not sure; it could also be dog/);
  assert.equal(certainty([{ label: 'cat', score: 1, index: 0 }]), '');
});

test('the scope says what a model can name', () => {
  assert.match(scopeWords(['cat', 'dog', 'cow']), /knows 3 things only: cat, dog and cow\./);
  assert.match(scopeWords(Array.from({ length: 1000 }, (_, i) => `thing ${i}`)), /1,000 things/);
  assert.match(scopeWords(['', '']), /names no classes/);
});

test('a model of random weights is named so', () => {
  assert.equal(untrainedWords({ trained: 'false' }), 'Not trained: random weights, for measuring speed');
  assert.equal(untrainedWords({ trained: 'true' }), '');
  assert.equal(untrainedWords({ dataset: 'CIFAR-10' }), '');
});

test('stages and blocks add up', () => {
  const steps = [
    { name: 'decode', ms: 2 },
    { name: 'preprocess', ms: 1 },
    { name: 'embed', ms: 0.5 },
    { name: 'blocks.0.attn', ms: 3 },
    { name: 'blocks.0.mlp', ms: 4 },
    { name: 'blocks.1.attn', ms: 5 },
    { name: 'blocks.1.mlp', ms: 6 },
    { name: 'head', ms: 0.25 },
  ];
  assert.deepEqual(Object.fromEntries(stageTotals(steps)), {
    decode: 2,
    preprocess: 1,
    embed: 0.5,
    blocks: 18,
    head: 0.25,
  });
  assert.deepEqual(blockTimes(steps), [
    { attn: 3, mlp: 4 },
    { attn: 5, mlp: 6 },
  ]);
});

test('a preview averages whole boxes, whatever the channels', () => {
  const rgb = Uint8Array.from({ length: 4 * 2 * 3 }, (_, i) => i * 10);
  assert.deepEqual(shrinkToRgba({ data: rgb, width: 4, height: 2 }, 2), {
    data: Uint8ClampedArray.of(75, 85, 95, 255, 135, 145, 155, 255),
    width: 2,
    height: 1,
  });
  const grey = Uint8Array.of(0, 100, 200, 50);
  assert.deepEqual(
    [...shrinkToRgba({ data: grey, width: 2, height: 2 }, 2).data.subarray(0, 8)],
    [0, 0, 0, 255, 100, 100, 100, 255],
  );
  const rgba = Uint8Array.of(10, 20, 30, 0);
  assert.deepEqual([...shrinkToRgba({ data: rgba, width: 1, height: 1 }, 8).data], [10, 20, 30, 0]);
});

test('a preview of a very long picture keeps a pixel', () => {
  const { width, height, data } = shrinkToRgba({ data: new Uint8Array(3000).fill(7), width: 3000, height: 1 }, 1024);
  assert.deepEqual([width, height], [1000, 1]);
  assert.ok(data.every((value, i) => value === (i % 4 === 3 ? 255 : 7)));
});

test('an input tensor turns back into its bytes', () => {
  const bytes = Uint8Array.from({ length: 12 }, (_, i) => i * 23);
  const [mean, std] = [
    [0.4914, 0.4822, 0.4465],
    [0.247, 0.2435, 0.2616],
  ];
  const tensor = Float32Array.from(bytes, (byte, i) => (byte / 255 - mean[i >> 2]) / std[i >> 2]);
  const recipe = { mean: mean.join(','), std: std.join(',') };
  const { data } = tensorToRgba(tensor, 2, 3, recipe);
  for (let i = 0; i < 4; i++)
    assert.deepEqual([...data.subarray(4 * i, 4 * i + 4)], [bytes[i], bytes[4 + i], bytes[8 + i], 255]);
  const grey = tensorToRgba(Float32Array.of(-1, 1), 1, 1, { mean: '[0.5]', std: '[0.5]' });
  assert.deepEqual([...grey.data], [0, 0, 0, 255]);
});

test('five trits share a byte: the bits per ternary weight follow', () => {
  /** @param {object} encodings */
  const bits = (encodings) => ternaryBits({ encodings: JSON.stringify(encodings) });
  const qkv = { type: 'trit', n_in: 192, n_out: 576 };
  assert.equal(bits({ qkv }), (39 * 8) / 192);
  assert.equal(
    bits({ qkv: { ...qkv, rows: 1440 } }),
    (2.5 * 39 * 8) / 192,
    'an output has as many rows as it is worth',
  );
  assert.equal(bits({ qkv, 'head.weight': { type: 'i8', n_in: 192, n_out: 10 } }), (39 * 8) / 192);
  assert.equal(bits({}), 0);
  assert.equal(ternaryBits({}), 0);
});

const WEB = new URL('../../web/', import.meta.url);

/**
 * @param {string} entry of web/
 * @returns {Set<string>} the addresses of all modules it leads to
 */
function modulesOf(entry) {
  const found = new Set([new URL(entry, WEB).href]);
  for (const url of found) {
    const source = readFileSync(new URL(url), 'utf8');
    for (const [, name] of source.matchAll(/^(?:import|export)\b[^'";(]*'(\.[^']+)'/gm))
      found.add(new URL(name, url).href);
  }
  return found;
}

test('all modules are named up front, so that they are fetched side by side', () => {
  const worker = readFileSync(new URL('app/page_worker.js', WEB), 'utf8');
  const byWorker = [...worker.matchAll(/^import .*'(\..+)';$/gm)].map(
    ([, name]) => new URL(name, new URL('app/', WEB)).href,
  );
  const ofWorker = modulesOf('app/service.js');
  assert.ok(ofWorker.size > 10, `only ${ofWorker.size} modules were found`);
  assert.deepEqual(
    [...ofWorker].filter((url) => !byWorker.includes(url)),
    [],
  );
  assert.deepEqual(
    byWorker.filter((url) => !ofWorker.has(url)),
    [],
  );

  const page = readFileSync(new URL('index.html', WEB), 'utf8');
  const byPage = [...page.matchAll(/<(?:link rel="modulepreload" href|script type="module" src)="([^"]+)"/g)].map(
    ([, name]) => new URL(name, WEB).href,
  );
  const ofPage = modulesOf('app/main.js');
  assert.ok(ofPage.size > 20, `only ${ofPage.size} modules were found`);
  assert.deepEqual(
    [...ofPage].filter((url) => !byPage.includes(url)),
    [],
  );
  assert.deepEqual(
    byPage.filter((url) => !ofPage.has(url)),
    [],
  );
});

test('a file that is no picture is called what it is', () => {
  /** @param {string} start @param {string} [name] */
  const title = (start, name = 'file') => kindWords(Buffer.from(start, 'latin1'), name)?.title;
  assert.match(title('\0\0\0\x18ftypheic\0\0') ?? '', /HEIC/);
  assert.match(title('\0\0\0\x18ftypavif\0\0') ?? '', /AVIF/);
  assert.match(title('RIFF\x10\0\0\0WEBPVP8 ') ?? '', /WebP/);
  assert.match(title('%PDF-1.7\n%\xe2\xe3') ?? '', /PDF/);
  assert.match(title('\x08\x08\x12\x07pytorch\x1a\x05') ?? '', /ONNX/);
  assert.match(title('\x08\x0a:\x00', 'model.onnx') ?? '', /ONNX/);
  assert.match(title('PK\x03\x04\x14\0', 'weights.pth') ?? '', /PyTorch/);
  assert.match(title('PK\x03\x04\x14\0', 'all.zip') ?? '', /ZIP/);
  assert.match(title('II*\0\x08\0\0\0') ?? '', /TIFF/);
  assert.match(title('II*\0\x10\0\0\0CR', 'a.CR2') ?? '', /raw/);
  assert.match(title('<!DOCTYPE html><p>') ?? '', /web page/);
  assert.match(title('just words, gr\xfc\xdfe\n', 'notes.jpg') ?? '', /text/);
  assert.match(title('') ?? '', /empty/);
  assert.equal(title('\x01\x02\x03\x04'), undefined);
});

test('the square that was moved is cut from the longer side', () => {
  const wide = { data: Uint8Array.from({ length: 5 * 2 * 3 }, (_, i) => i), width: 5, height: 2 };
  assert.equal(squareOf(wide), wide, 'the middle is left to the recipe');
  assert.deepEqual(squareOf(wide, 1), {
    data: Uint8Array.of(9, 10, 11, 12, 13, 14, 24, 25, 26, 27, 28, 29),
    width: 2,
    height: 2,
  });
  const tall = { data: Uint8Array.from({ length: 8 }, (_, i) => i), width: 2, height: 4 };
  assert.deepEqual(squareOf(tall, 0), { data: Uint8Array.of(0, 1, 2, 3), width: 2, height: 2 });
  assert.equal(squareOf({ ...tall, width: 2, height: 2 }, 0).data, tall.data);
});

test('the time left is said once it is known', () => {
  assert.equal(timeLeft(10, 100, 100), '');
  assert.equal(timeLeft(50, 100, 2000), ', 2 s left');
  assert.equal(timeLeft(1e6, 100e6, 10000), ', 17 min left');
  assert.equal(timeLeft(100, 100, 9999), '');
});

test('times are medians', () => {
  assert.equal(median([9, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 100]), 3);
  assert.equal(median([7]), 7);
});

test('no module or class of the page has the name of one of the library', () => {
  /** @param {string} folder */
  const modules = (folder) => readdirSync(new URL(folder, WEB)).filter((name) => name.endsWith('.js'));
  /** @param {string} folder */
  const classes = (folder) =>
    modules(folder).flatMap((name) =>
      [...readFileSync(new URL(folder + name, WEB), 'utf8').matchAll(/^(?:export )?class (\w+)/gm)].map(
        ([, found]) => found,
      ),
    );
  for (const namesIn of [modules, classes]) {
    const ofLibrary = new Set(namesIn('lib/'));
    const ofPage = [...namesIn('app/'), ...namesIn('bundle/')];
    assert.ok(ofLibrary.size > 5 && ofPage.length > 10);
    assert.deepEqual(
      ofPage.filter((name) => ofLibrary.has(name)),
      [],
    );
    assert.equal(new Set(ofPage).size, ofPage.length, 'and none twice in the page');
  }
});
