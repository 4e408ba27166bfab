// SPDX-License-Identifier: MIT
// Makes the sample images that are drawings: models/samples/drawings/*.svg become JPEG files in
// models/samples. `node tests/browser/draw_samples.mjs`
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { launch, ROOT } from './harness.mjs';

const SIDE = 384;
const QUALITY = 86;
const folder = path.join(ROOT, 'models/samples');

const browser = await launch();
const page = await browser.newPage({ viewport: { width: SIDE, height: SIDE } });
const names = readdirSync(path.join(folder, 'drawings'))
  .filter((name) => name.endsWith('.svg'))
  .map((name) => path.basename(name, '.svg'))
  .sort();
for (const name of names) {
  const drawing = readFileSync(path.join(folder, 'drawings', `${name}.svg`), 'utf8');
  await page.setContent(`<body style="margin: 0">${drawing}`);
  const jpeg = await page.screenshot({ type: 'jpeg', quality: QUALITY });
  writeFileSync(path.join(folder, `${name}.jpg`), jpeg);
  console.log(`${name}.jpg: ${jpeg.length} bytes`);
}
await browser.close();
