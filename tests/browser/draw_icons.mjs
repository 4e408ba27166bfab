// SPDX-License-Identifier: MIT
// Makes the icons of an installed page from web/icon.svg: `node tests/browser/draw_icons.mjs`. The
// maskable one has no round corners and its drawing within the circle that every shape leaves.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { launch, ROOT } from './harness.mjs';

const drawing = readFileSync(path.join(ROOT, 'web/icon.svg'), 'utf8');
const maskable = drawing
  .replace('rx="8" ', '')
  .replace('viewBox="0 0 32 32"', 'viewBox="-3 -3 38 38"')
  .replace('<rect width="32" height="32"', '<rect x="-3" y="-3" width="38" height="38"');

const browser = await launch();
for (const [name, side, svg] of /** @type {const} */ ([
  ['icon-192', 192, drawing],
  ['icon-512', 512, drawing],
  ['icon-maskable-512', 512, maskable],
])) {
  const page = await browser.newPage({ viewport: { width: side, height: side } });
  await page.setContent(
    `<body style="margin: 0">${svg.replace('<svg ', `<svg width="${side}" height="${side}" style="display: block" `)}`,
  );
  const png = await page.screenshot({ omitBackground: true });
  writeFileSync(path.join(ROOT, `web/${name}.png`), png);
  console.log(`${name}.png: ${png.length} bytes`);
  await page.close();
}
await browser.close();
