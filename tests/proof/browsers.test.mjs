// SPDX-License-Identifier: MIT
// What tests/browser does in Firefox and WebKit with a small model, with the default one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../node/shared.mjs';

process.env.VIT158_BROWSERS_MODEL = JSON.parse(readFileSync(join(ROOT, 'models/manifest.json'), 'utf8')).default;
await import('../browser/browsers.test.mjs');
