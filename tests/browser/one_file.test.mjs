// SPDX-License-Identifier: MIT
// The one-file app that `vit158 bundle` writes: opened from the disk with the network cut it does
// everything the page does, asks for nothing but itself, and treats a stranger's text as text.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { TEMPLATE, templateText, writeTemplate } from '../../web/bundle/make_template.mjs';
import { jsonLines, nativeCommand, npmCommand } from '../node/shared.mjs';
import { answered, artifact, inPage, launch, ROOT, text, withSecondRun } from './harness.mjs';
import { give } from './pictures.mjs';
import { inBrowser, startFirefox, startWebKit } from './webdriver.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'vit158-one-file-'));
const browser = launch();
after(async () => {
  await (await browser).close();
  rmSync(folder, { recursive: true });
});
await writeTemplate();

const SAMPLES = path.join(ROOT, 'models/samples');
const CAT = path.join(SAMPLES, 'cat.jpg');
const DOG = path.join(SAMPLES, 'dog.jpg');
/** What "check this browser" says when all is well. */
const CHECKED =
  /^All 2 pictures give the logits recorded of CIFAR-10, ternary ViT, bit for bit \((simd128|scalar)\)\.$/m;

/** @param {string} name @param {string[]} args of `vit158 bundle` */
function makeApp(name, ...args) {
  const file = path.join(folder, name);
  const { code, stderr, stdout } = npmCommand('bundle', ...args, '-o', file, '--json');
  assert.equal(code, 0, stderr);
  assert.equal(jsonLines(stdout)[0].bytes, readFileSync(file).length);
  return file;
}

/** What the command says of an image. @param {string} picture @param {string[]} args */
const hashOf = (picture, ...args) =>
  jsonLines(
    npmCommand(
      'classify',
      '--json',
      picture,
      ...(args.length > 0 ? args : ['-m', path.join(ROOT, 'models/vit158-cifar10.safetensors')]),
    ).stdout,
  )[0].logits_sha256;

/**
 * Opens a page with the network cut.
 * @param {string} name of the test
 * @param {string} file
 * @param {(page: import('playwright-core').Page) => Promise<void>} body
 * @param {string} [query]
 */
async function inApp(name, file, body, query = '') {
  const context = await (await browser).newContext({ offline: true, viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(60000);
  /** @type {string[]} */
  const complaints = [];
  const url = pathToFileURL(file).href;
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  context.on('request', (request) => {
    if (request.url() !== url + query && !/^(data|blob):/.test(request.url()))
      complaints.push(`request: ${request.url()}`);
  });
  const page = await context.newPage();
  await inPage(page, name, async () => {
    await page.goto(url + query);
    await body(page);
    assert.deepEqual(complaints, []);
  });
}

/** @param {string} name @param {() => string} file @param {Parameters<typeof inApp>[2]} body @param {string} [query] */
const appTest = (name, file, body, query) =>
  test(name, (context) => withSecondRun(context, () => inApp(name, file(), body, query)));

/** @type {string | undefined} */
let made;
const app = () => (made ??= makeApp('app.html', 'vit158-cifar10', CAT, DOG));

test('the template is what the sources give, and leads nowhere', async () => {
  assert.equal(gunzipSync(readFileSync(TEMPLATE)).toString(), await templateText());
  const html = readFileSync(app(), 'utf8');
  assert.ok(html.length < 1.6e6, `${html.length} characters`);
  assert.equal(html.split('<!-- files inside -->').length, 1);
  assert.doesNotMatch(html, /\s(src|href)="(?!#|data:)/);
  assert.match(html, /content="default-src 'none'; script-src 'sha256-[^']+' 'wasm-unsafe-eval';/);
});

appTest('it opens with an answer, in a worker', app, async (page) => {
  assert.equal(await answered(page), hashOf(CAT));
  assert.match(await text(page, '#facts'), /in a worker/);
  assert.equal(await text(page, '#verdict-label'), 'cat');
  assert.deepEqual(await page.$$eval('.sample', (all) => all.map((one) => one.getAttribute('title'))), ['Cat', 'Dog']);
  assert.ok(
    await page.$$eval('.sample img', (all) =>
      all.every((one) => /** @type {HTMLImageElement} */ (one).naturalWidth > 0),
    ),
  );
  await page.click('.sample[title="Dog"]');
  assert.equal(await answered(page, hashOf(CAT)), hashOf(DOG));
});

appTest(
  'it works without workers and without SIMD',
  app,
  async (page) => {
    assert.equal(await answered(page), hashOf(CAT));
    assert.match(await text(page, '#facts'), /no SIMD, on the page/);
  },
  '?worker=off&engine=scalar',
);

appTest('it takes pictures and models that are dropped', app, async (page) => {
  const first = await answered(page);
  const frog = path.join(SAMPLES, 'frog.jpg');
  await give(page, 'drop', { name: 'frog.jpg', mimeType: 'image/jpeg', buffer: readFileSync(frog) });
  assert.equal(await answered(page, first), hashOf(frog));
  await page.setInputFiles('#model-file', path.join(ROOT, 'models/fashion-mnist.safetensors'));
  assert.equal(await answered(page, hashOf(frog)), hashOf(frog, '--model', 'fashion-mnist'));
});

appTest('many pictures at once, in workers of its own', app, async (page) => {
  await answered(page);
  await page.click('#tab-many');
  const names = readdirSync(SAMPLES).filter((name) => name.endsWith('.jpg'));
  await page.setInputFiles(
    '#many-file',
    names.map((name) => path.join(SAMPLES, name)),
  );
  await page.waitForFunction(
    (n) => document.querySelectorAll('#many-rows [data-state=done]').length === n,
    names.length,
  );
});

appTest('the other tabs open, and the browser can be checked', app, async (page) => {
  await answered(page);
  await page.click('#tab-teach');
  await page.waitForSelector('#panel-teach button');
  await page.click('#tab-inside');
  await page.waitForSelector('#panel-inside canvas');
  await page.click('#check-run');
  await page.waitForSelector('#check-words[data-state=good]');
  assert.match(await text(page, '#check-words'), CHECKED);
});

test('another model, and a PNG picture', async () => {
  const picture = path.join(ROOT, 'tests/data/images/rgb_8.png');
  const file = makeApp('fashion.html', 'fashion-mnist', picture);
  await inApp('another model', file, async (page) => {
    assert.equal(await answered(page), hashOf(picture, '--model', 'fashion-mnist'));
    assert.match(await text(page, '#scope'), /trouser/i);
    assert.match(await text(page, '#facts'), /Fashion-MNIST/);
  });
});

test('names and labels are text, whatever they contain', async () => {
  const evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)><!--"&$&';
  const metadata = path.join(folder, 'metadata.json');
  const model = path.join(folder, `a&b"<!--$'.safetensors`);
  const picture = path.join(folder, `"<img src=x onerror=alert(3)>&$&.jpg`);
  writeFileSync(
    metadata,
    JSON.stringify({ dataset: evil, labels: JSON.stringify(Array.from({ length: 7 }, (_, i) => evil + i)) }),
  );
  const packed = nativeCommand(
    'pack',
    path.join(ROOT, 'tests/data/tiny/latent-6.safetensors'),
    '-o',
    model,
    '--metadata',
    metadata,
  );
  assert.equal(packed.code, 0, packed.stderr);
  copyFileSync(CAT, picture);
  const file = makeApp('evil.html', model, picture);
  await inApp('names and labels', file, async (page) => {
    assert.equal(await answered(page), hashOf(picture, '--model', model));
    assert.ok((await text(page, '#verdict-label')).startsWith('</script><script>alert(1)'));
    assert.equal(await page.$$eval('img[src=x]', (all) => all.length), 0);
    assert.equal(await page.getAttribute('.sample', 'title'), '"<img src=x onerror=alert(3)>&$&');
  });
});

test('no model and no pictures to try: nothing is written, or the page just waits', async () => {
  const out = path.join(folder, 'none.html');
  const damaged = path.join(folder, 'damaged.safetensors');
  const disguised = path.join(folder, 'disguised.safetensors');
  copyFileSync(CAT, disguised);
  writeFileSync(damaged, readFileSync(path.join(ROOT, 'models/fashion-mnist.safetensors')).subarray(0, 100000));
  for (const [args, message] of /** @type {[string[], RegExp][]} */ ([
    [['absent'], /no such file, and no model of that name/],
    [[damaged], /damaged\.safetensors: .+/],
    [[disguised], /disguised\.safetensors: .+/],
    [['fashion-mnist', damaged], /damaged\.safetensors: .+/],
    [['fashion-mnist', path.join(folder, 'absent.jpg')], /absent\.jpg: .+/],
  ])) {
    const { code, stdout, stderr } = npmCommand('bundle', ...args, '-o', out);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^vit158 bundle: .*\n$/);
    assert.match(stderr, message);
    assert.ok(!existsSync(out));
  }
  assert.equal(npmCommand('bundle', 'fashion-mnist').code, 2);
  await inApp('no pictures to try', makeApp('bare.html', 'fashion-mnist'), async (page) => {
    await page.waitForFunction(() => /Loaded/.test(document.getElementById('load-words')?.textContent ?? ''));
    assert.equal(await page.isVisible('#samples-block'), false);
    await page.click('#tab-inside');
    await page.waitForSelector('#check-run', { state: 'hidden' });
    const golden = path.join(folder, 'golden.json');
    assert.equal(npmCommand('record', 'fashion-mnist', CAT, '-o', golden).code, 0);
    await page.setInputFiles('#check-file', [golden, CAT]);
    await page.waitForSelector('#check-words[data-state=good]');
    assert.match(
      await text(page, '#check-words'),
      /^The picture gives the logits recorded of fashion-mnist\.safetensors, bit for bit/,
    );
  });
});

for (const [name, start, thread] of /** @type {const} */ ([
  ['Firefox', startFirefox, 'in a worker'],
  ['WebKit', startWebKit, 'on the page'],
])) {
  test(`${name}: the same from the disk`, () =>
    inBrowser(start, artifact(`${name} one file`), async (driver) => {
      await driver.open(pathToFileURL(app()).href);
      const wanted = hashOf(CAT);
      await driver.waitFor(
        'the answer',
        (hash) => document.getElementById('results')?.dataset.logitsSha256 === hash,
        wanted,
      );
      assert.match(
        await driver.evaluate(() => document.getElementById('facts')?.textContent ?? ''),
        new RegExp(thread),
      );
      await driver.setFiles('#file', [DOG]);
      await driver.waitFor(
        'the file',
        (hash) => document.getElementById('results')?.dataset.logitsSha256 === hash,
        hashOf(DOG),
      );
      await driver.click('#tab-inside');
      await driver.waitFor('the tab', () => document.getElementById('check-run'));
      await driver.click('#check-run');
      await driver.waitFor('the check', () =>
        /^(good|bad)$/.test(document.getElementById('check-words')?.dataset.state ?? ''),
      );
      assert.match(await driver.evaluate(() => document.getElementById('check')?.innerText ?? ''), CHECKED);
    }));
}
