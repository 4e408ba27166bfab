// SPDX-License-Identifier: MIT
// Writes the sample images of the model fashion-mnist: of each class the first test image of Debian's
// dataset-fashion-mnist, whatever the model makes of it.
//     node tests/golden/make_fashion_samples.mjs
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readIdx } from '../node/idx.mjs';
import { writePng } from '../node/png.mjs';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const FOLDER = `${MODELS}samples/fashion-mnist`;
const header = readFileSync(`${MODELS}fashion-mnist.safetensors`);
const { __metadata__: metadata } = JSON.parse(header.subarray(8, 8 + Number(header.readBigUInt64LE())).toString());
/** @type {string[]} */
const names = JSON.parse(metadata.labels);

const { side, pixels, labels } = readIdx('/usr/share/datasets/fashion-mnist', 't10k');
mkdirSync(FOLDER, { recursive: true });
const samples = names.map((label, c) => {
  const at = labels.indexOf(c) * side * side;
  const file = `${label.toLowerCase().replace(/\W+/g, '-')}.png`;
  writeFileSync(
    `${FOLDER}/${file}`,
    writePng({ data: pixels.subarray(at, at + side * side), width: side, height: side }),
  );
  return { file, title: label, label };
});
const lines = samples.map(
  (sample) =>
    `    ${JSON.stringify(sample)
      .replace(/([:,{])"/g, '$1 "')
      .replace(/}$/, ' }')}`,
);
writeFileSync(`${FOLDER}/samples.json`, `{\n  "samples": [\n${lines.join(',\n')}\n  ]\n}\n`);
