// SPDX-License-Identifier: MIT
// The panels on every screen and for everyone: narrow and wide, light and dark, keyboard only.
import assert from 'node:assert/strict';
import path from 'node:path';
import { ROOT, suite, text } from './harness.mjs';
import { contrastProblems } from './contrast.mjs';
import { layoutProblems, tabOrder } from './layout.mjs';

const pageTest = suite();
/** @param {string[]} names of samples */
const samples = (...names) => names.map((name) => path.join(ROOT, `models/samples/${name}.jpg`));

/** Opens each panel with something in it. @type {Record<string, (page: import('playwright-core').Page) => Promise<unknown>>} */
const FILL = {
  async many(page) {
    const files = samples('cat', 'dog', 'bird', 'ship', 'truck');
    await page.setInputFiles('#file', [...files, ...files, ...files, path.join(ROOT, 'LICENSE')]);
    await page.waitForFunction(() => /^16 pictures in/.test(document.getElementById('many-words')?.textContent ?? ''));
  },
  async teach(page) {
    await page.click('#tab-teach');
    for (const [i, names] of [
      ['cat', 'dog'],
      ['ship', 'truck'],
    ].entries()) {
      await page.setInputFiles(`.teach-class >> nth=${i} >> input[type=file]`, samples(...names));
      await page.waitForFunction(
        (words) => document.getElementById('teach-words')?.textContent === words,
        `2 pictures added to Class ${i + 1}.`,
      );
    }
    await page.waitForSelector('#teach-answer[data-state=done]');
  },
  async inside(page) {
    await page.click('#tab-inside');
    await page.waitForSelector('.inside-cell[aria-pressed=true]');
    await page.click('#check-run');
    await page.waitForSelector('#check-words[data-state=good]');
  },
};

for (const [name, fill] of Object.entries(FILL)) {
  const still = { context: { reducedMotion: /** @type {const} */ ('reduce') } };
  pageTest(`the panel ${name} fits every screen, light and dark`, still, async (page) => {
    await fill(page);
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme });
      for (const width of [320, 360, 640, 768, 1180, 1280, 1600]) {
        await page.setViewportSize({ width, height: 800 });
        assert.deepEqual(await layoutProblems(page), [], `${width} px`);
        assert.deepEqual(await contrastProblems(page), [], `${width} px, ${colorScheme}`);
      }
    }
  });
}

pageTest('tabs are turned by arrow keys, and what they show is named', {}, async (page) => {
  await page.focus('#tab-picture');
  for (const [key, name] of [
    ['ArrowRight', 'many'],
    ['ArrowRight', 'teach'],
    ['ArrowRight', 'inside'],
    ['ArrowRight', 'picture'],
    ['ArrowLeft', 'inside'],
    ['Home', 'picture'],
    ['End', 'inside'],
  ]) {
    await page.keyboard.press(key);
    assert.equal(await page.evaluate(() => document.activeElement?.id), `tab-${name}`);
    assert.deepEqual(await page.$$eval('[role=tab][aria-selected=true]', (tabs) => tabs.map(({ id }) => id)), [
      `tab-${name}`,
    ]);
    assert.deepEqual(await page.$$eval('[role=tabpanel]:not([hidden])', (panels) => panels.map(({ id }) => id)), [
      `panel-${name}`,
    ]);
    assert.equal(await page.getAttribute(`#panel-${name}`, 'aria-labelledby'), `tab-${name}`);
  }
});

pageTest('the keyboard reaches and uses everything in the panels', {}, async (page) => {
  await FILL.teach(page);
  await page.focus('#tab-teach');
  let reached = await tabOrder(page);
  for (const wanted of [
    'teach-open',
    'teach-save',
    'teach-method',
    'Name of the class',
    'Remove this class',
    'Add this picture',
    'Add files',
    'teach-new',
  ])
    assert.ok(reached.includes(wanted), `${wanted} in ${reached}`);
  await page.focus('.teach-add .button');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /has it/.test(document.getElementById('teach-words')?.textContent ?? ''));

  await FILL.inside(page);
  await page.focus('#tab-inside');
  reached = await tabOrder(page);
  for (const wanted of ['Block 1, mlp.fc2: ', 'inside-box', 'inside-zoom', 'check-run'])
    assert.ok(
      reached.some((name) => name.startsWith(wanted) || name === wanted),
      `${wanted} in ${reached}`,
    );
  await page.focus('[data-name="blocks.0.mlp.fc2.weight"]');
  await page.keyboard.press('Space');
  await page.waitForFunction(() => document.getElementById('inside-name')?.textContent === 'Block 1, mlp.fc2');

  await FILL.many(page);
  await page.focus('#tab-many');
  reached = await tabOrder(page);
  for (const wanted of ['many-csv', 'many-json', 'many-more', 'cat.jpg', 'many-next'])
    assert.ok(reached.includes(wanted), `${wanted} in ${reached}`);
  await page.focus('#many-next');
  await page.keyboard.press('Enter');
  assert.equal(await text(page, '#many-page'), 'Page 2 of 2');
});

pageTest('reduced motion stops all motion in the panels', { context: { reducedMotion: 'reduce' } }, async (page) => {
  for (const fill of Object.values(FILL)) {
    await fill(page);
    const moving = await page.$$eval('*', (all) =>
      all
        .filter((one) => {
          const { transitionDuration, animationName } = getComputedStyle(one);
          return transitionDuration !== '0s' || animationName !== 'none';
        })
        .map((one) => one.className),
    );
    assert.deepEqual(moving, []);
  }
});
