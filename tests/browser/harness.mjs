// SPDX-License-Identifier: MIT
// What the browser tests share: headless Chromium, the page served as it is shipped, and a check
// after every test that nothing was logged as an error and no other origin was asked.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from '../../web/serve.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const ARTIFACTS = path.join(ROOT, 'tests/artifacts');
/** Data that is too large for the repository; tests that need it skip loudly without it. */
export const SHARED = process.env.VIT158_SHARED ?? path.resolve(ROOT, '../shared');
export const FLOAT_MODEL = path.join(SHARED, 'checkpoints/vit_tiny_patch16_224.safetensors');

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // In place of Playwright's own list: a renderer in reserve, and the browser's own pages for what drops down from its
  // address bar, start beside each page and take more processor time than it does.
  '--disable-features=SpareRendererForSitePerProcess,PreloadTopChromeWebUI,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,WebUIOmniboxPopup,Translate,HttpsUpgrades,MediaRouter,OptimizationHints',
];
/** A moving test image for a camera, allowed without asking. */
export const CAMERA_ARGS = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/** Long enough for a busy machine; waiting ends as soon as the awaited thing is there. */
const PATIENCE_MS = 60000;

/** @param {string[]} [extra] @returns {Promise<import('playwright-core').Browser>} */
export function launch(extra = []) {
  return chromium.launch({ executablePath: CHROMIUM, args: [...ARGS, ...extra] });
}

/**
 * @typedef {object} PageOptions
 * @property {string} [query]         of the address, "?engine=scalar"
 * @property {boolean} [bare]         do not wait for the first answer
 * @property {(context: import('playwright-core').BrowserContext) => Promise<unknown>} [prepare]
 *   before the page opens
 * @property {RegExp[]} [expected]    console errors that belong to the test
 * @property {import('playwright-core').BrowserContextOptions} [context]
 * @property {boolean} [offline]      let the page keep itself for offline use
 * @property {string} [needs]         a file of SHARED; without it the test is skipped, and says so
 */

/**
 * Registers tests that share one browser and one server.
 * @param {string[]} [browserArgs]
 * @param {string} [model] that the page opens with, by its name in the manifest; else the default
 */
export function suite(browserArgs = [], model = '') {
  /** @type {Promise<import('playwright-core').Browser> | undefined} */
  let browser;
  /** @type {ReturnType<typeof serve> | undefined} */
  let server;
  after(async () => {
    await (await browser)?.close();
    await (await server)?.close();
  });

  /**
   * @param {string} name
   * @param {PageOptions} options
   * @param {(page: import('playwright-core').Page, url: string) => Promise<void>} body
   */
  return function pageTest(name, options, body) {
    test(name, options.needs ? needs(options.needs) : {}, (context) => withSecondRun(context, run));

    async function run() {
      browser ??= launch(browserArgs);
      server ??= serve();
      const { url } = await server;
      const context = await (
        await browser
      ).newContext({
        viewport: { width: 1280, height: 800 },
        ...options.context,
      });
      context.setDefaultTimeout(PATIENCE_MS);
      const complaints = watch(context, url, options.expected ?? []);
      if (!options.offline)
        await context.addInitScript(() => {
          Reflect.deleteProperty(Navigator.prototype, 'serviceWorker');
        });
      await options.prepare?.(context);
      const page = await context.newPage();
      await inPage(page, name, async () => {
        const address = new URL(options.query ?? '', url);
        if (model) address.searchParams.set('model', model);
        await page.goto(address.href);
        if (!options.bare) await answered(page);
        await body(page, url);
        assert.deepEqual(complaints, []);
      });
    }
  };
}

/**
 * Does something in a page; if it fails, what the page shows is kept. The page's context is closed.
 * @param {import('playwright-core').Page} page
 * @param {string} name of the test
 * @param {() => Promise<void>} body
 */
export async function inPage(page, name, body) {
  try {
    await body();
  } catch (error) {
    await page.screenshot({ path: artifact(name), fullPage: true }).catch(() => {});
    throw error;
  } finally {
    await page.context().close();
  }
}

/**
 * Runs a test; in CI (`CI` is set) one that fails is run once more, and its first failure is told.
 * @param {import('node:test').TestContext} context
 * @param {() => Promise<void>} run
 */
export async function withSecondRun(context, run) {
  try {
    await run();
  } catch (error) {
    if (!process.env.CI) throw error;
    const { stack } = /** @type {Error} */ (error);
    context.diagnostic(`RUN TWICE: ${context.name}; the first run failed: ${stack}`);
    await run();
  }
}

/** @param {string} name of a test @returns {string} where its screenshot goes */
export function artifact(name) {
  mkdirSync(ARTIFACTS, { recursive: true });
  return path.join(ARTIFACTS, `${name.replace(/\W+/g, '-')}.png`);
}

/**
 * Collects what no test may cause.
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} url of the page
 * @param {RegExp[]} expected
 * @returns {string[]} filled as it happens
 */
function watch(context, url, expected) {
  /** @type {string[]} */
  const complaints = [];
  /** @param {string} text */
  const complain = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) complaints.push(text);
  };
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complain(message.text());
  });
  context.on('weberror', (error) => complain(String(error.error())));
  context.on('request', (request) => {
    if (
      !request
        .url()
        .replace(/^blob:/, '')
        .startsWith(url)
    )
      complain(`foreign request: ${request.url()}`);
  });
  return complaints;
}

/**
 * Waits for a finished answer that is not the one of hash `before`.
 * @param {import('playwright-core').Page} page
 * @param {string} [before]
 * @returns {Promise<string>} hash of its logits
 */
export const answered = (page, before = '') => settled(page, null, before);

/**
 * Waits until an image is shown together with its finished answer. The hash is read in the same turn: a
 * moment later the page may already show another image.
 * @param {import('playwright-core').Page} page
 * @param {string | null} name  of the image; null for any
 * @param {string} [before]     the hash of an answer that is not waited for
 * @returns {Promise<string>} hash of the logits
 */
export async function settled(page, name, before = '') {
  const found = await page.waitForFunction(
    ([wanted, old]) => {
      const { state, logitsSha256: hash } = document.getElementById('results')?.dataset ?? {};
      const isWanted = wanted === null || document.getElementById('file-name')?.textContent === wanted;
      return isWanted && state === 'done' && hash !== old && hash;
    },
    [name, before],
  );
  return /** @type {string} */ (await found.jsonValue());
}

/** @param {import('playwright-core').Page} page @returns {Promise<string>} of the answer shown */
export const logitsHash = (page) =>
  page.$eval('#results', (body) => /** @type {HTMLElement} */ (body).dataset.logitsSha256 ?? '');

/**
 * @param {import('playwright-core').Page} page
 * @param {string} selector
 * @returns {Promise<string>}
 */
export const text = async (page, selector) => (await page.textContent(selector)) ?? '';

/**
 * For tests that need a file of SHARED: without it they are skipped, and say so.
 * @param {string} file
 * @returns {{skip: string | false}}
 */
export function needs(file) {
  return { skip: existsSync(file) ? false : `SKIPPED: ${file} is not here (set VIT158_SHARED)` };
}
