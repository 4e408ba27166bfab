// SPDX-License-Identifier: MIT
// Makes the README's image of the page: `npm run screenshot` writes web/screenshot.png.
import { statSync } from 'node:fs';
import path from 'node:path';
import { answered, launch, ROOT } from './harness.mjs';
import { serve } from '../../web/serve.mjs';

const target = path.join(ROOT, 'web/screenshot.png');
const { url, close } = await serve();
const browser = await launch();
const page = await browser.newPage({
  viewport: { width: 1280, height: 790 },
  colorScheme: 'light',
});
await page.goto(url);
const before = await answered(page);
await page.click('.sample >> nth=2');
await answered(page, before);
await page.click('#measure');
await page.waitForFunction(() => /^Median/.test(document.getElementById('total-words')?.textContent ?? ''));
await page.mouse.move(0, 0);
await page.waitForTimeout(500); // bars have grown
await page.screenshot({ path: target });
await browser.close();
await close();
console.log(`${target}: ${statSync(target).size} bytes`);
