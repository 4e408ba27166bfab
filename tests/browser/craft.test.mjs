// SPDX-License-Identifier: MIT
// The page on every screen and for everyone: narrow and wide, light and dark, keyboard only, with
// names for every control, readable contrast, and nothing that moves once it is there.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { answered, artifact, suite, text } from './harness.mjs';
import { contrastProblems } from './contrast.mjs';
import { layoutProblems, tabOrder } from './layout.mjs';

const pageTest = suite();
const WIDTHS = [320, 360, 768, 1024, 1280, 1600];

for (const width of WIDTHS) {
  const viewport = { width, height: width < 640 ? 740 : 900 };
  pageTest(`${width} px wide, light and dark`, { context: { viewport, reducedMotion: 'reduce' } }, async (page) => {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await layoutProblems(page), []);
      assert.deepEqual(await contrastProblems(page), []);
    }
  });
}

for (const width of [360, 1280]) {
  pageTest(
    `nothing moves while the page loads at ${width} px`,
    {
      context: { viewport: { width, height: 800 } },
      prepare: (context) =>
        context.addInitScript(() => {
          const log = /** @type {any} */ (globalThis);
          log.shifts = [];
          new PerformanceObserver((list) => {
            for (const entry of /** @type {any[]} */ (list.getEntries()))
              for (const { node } of entry.sources)
                // The charts are redrawn with every answer; they are meant to.
                if (!entry.hadRecentInput && !node?.matches?.('.stack-part, .block-part'))
                  log.shifts.push(node?.outerHTML?.slice(0, 80) ?? String(node));
          }).observe({ type: 'layout-shift', buffered: true });
        }),
    },
    async (page) => {
      await page.click('.sample >> nth=2');
      await page.waitForTimeout(500);
      assert.deepEqual(await page.evaluate(() => /** @type {any} */ (globalThis).shifts), []);
    },
  );
}

pageTest('everything can be reached and used by keyboard', {}, async (page) => {
  const before = await answered(page);
  const reached = await tabOrder(page);
  const samples = await page.$$eval('.sample', (all) => all.map((one) => one.getAttribute('aria-label')));
  const wanted = [
    'tab-picture',
    'copy-answer',
    'guesses',
    'least',
    'looked-block',
    'Licence',
    'Credits',
    'choose',
    'paste',
    'camera',
    ...samples,
    'measure',
    'open-model',
    'model-select',
  ];
  assert.deepEqual(
    wanted.filter((name) => !reached.includes(name ?? '')),
    [],
  );
  assert.equal(reached[0], 'Skip to the picture');
  assert.equal(reached.filter((name) => name.startsWith('tab-')).length, 1, 'one stop for all tabs');

  await page.focus('.skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.focus('.sample >> nth=1');
  await page.keyboard.press('Enter');
  const second = await answered(page, before);
  await page.focus('.sample >> nth=2');
  await page.keyboard.press('Space');
  await answered(page, second);
  await page.focus('#measure');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() =>
    /^Median of \d+ runs/.test(document.getElementById('total-words')?.textContent ?? ''),
  );
});

pageTest('a screen reader gets names, landmarks and the answer', {}, async (page) => {
  // Times come after the first answer.
  await page.waitForFunction(() => / total /.test(document.getElementById('stack')?.getAttribute('aria-label') ?? ''));
  const snapshot = await page.locator('body').ariaSnapshot();
  writeFileSync(artifact('aria').replace('.png', '.yaml'), snapshot);
  for (const expected of [
    /banner/,
    /main/,
    /contentinfo/,
    /heading "vit158" \[level=1\]/,
    /region "Picture"/,
    /region "Answer"/,
    /region "Where the time goes"/,
    /region "The model"/,
    /button "Choose a picture"/,
    /button "Camera"/,
    /combobox "Model"/,
    /img "Picture: /,
    /img "What the model is given: 224 × 224 pixels"/,
    /img "Decode .* total /,
    /img "Block 1: .* Block 12: /,
  ])
    assert.match(snapshot, expected);
  const nameless = await page.$$eval('button, select, input, canvas[role], [role=img]', (all) =>
    all
      .filter((one) => !(one.getAttribute('aria-label') || one.textContent?.trim() || one.closest('label')))
      .map((one) => one.outerHTML),
  );
  assert.deepEqual(nameless, []);
  assert.match(await text(page, '#announce'), /^\w[\w ]*, \d+ percent\.$/);
});

pageTest('reduced motion stops all motion', { context: { reducedMotion: 'reduce' } }, async (page) => {
  const moving = await page.$$eval('*', (all) =>
    all
      .filter((one) => {
        const { transitionDuration, animationName } = getComputedStyle(one);
        return transitionDuration !== '0s' || animationName !== 'none';
      })
      .map((one) => one.className),
  );
  assert.deepEqual(moving, []);
});
