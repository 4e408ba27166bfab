// SPDX-License-Identifier: MIT
// web/lib/pace.js: yields, abort, deadline.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../web/lib/pace.js';

/** @param {RegExp} message @param {string} [causeName] */
const abort = (message, causeName) => (/** @type {any} */ e) => {
  assert.equal(e.code, 'E_ABORT');
  assert.match(e.message, message);
  if (causeName) assert.equal(e.cause.name, causeName);
  return true;
};

test('an aborted signal stops at the start and at the next pause', async () => {
  assert.throws(() => new Pace({ signal: AbortSignal.abort() }), abort(/before the start/, 'AbortError'));
  const controller = new AbortController();
  const pace = new Pace({ signal: controller.signal });
  await pace.pause('at one');
  controller.abort();
  await assert.rejects(pace.pause('at two'), abort(/at two/, 'AbortError'));
});

test('with a signal every pause lets the event loop run', async () => {
  const controller = new AbortController();
  const pace = new Pace({ signal: controller.signal });
  setImmediate(() => controller.abort());
  await assert.rejects(
    async () => {
      for (let i = 0; i < 3; i++) await pace.pause(`at ${i}`);
    },
    abort(/at [01]/),
  );
});

test('without one only a long stretch of work yields', async () => {
  const pace = new Pace();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  for (let i = 0; i < 1000; i++) await pace.pause('somewhere');
  const until = performance.now() + 60;
  while (performance.now() < until) await pace.pause('somewhere');
  clearInterval(timer);
  assert.ok(turns >= 1, 'timers ran during 60 ms of work');
});

test('a deadline', async () => {
  const pace = new Pace({ deadlineMs: 5 });
  await new Promise((resolve) => setTimeout(resolve, 10));
  await assert.rejects(pace.pause('before step x'), abort(/deadline passed before step x/, 'TimeoutError'));
});

test('waiting ends with the event or the abort, whichever comes first', async () => {
  const controller = new AbortController();
  const pace = new Pace({ signal: controller.signal });
  await pace.wait(Promise.resolve(), 'first');
  const never = /** @type {Promise<void>} */ (new Promise(() => {}));
  setTimeout(() => controller.abort(), 5);
  await assert.rejects(pace.wait(never, 'in the queue'), abort(/in the queue/));
  await assert.rejects(pace.wait(never, 'once more'), abort(/aborted once more/, 'AbortError'));
});

test('waiting ends with the deadline, hands values and errors on, and leaves no timer', async () => {
  const never = /** @type {Promise<void>} */ (new Promise(() => {}));
  const pace = new Pace({ deadlineMs: 5 });
  await assert.rejects(pace.wait(never, 'for it'), abort(/deadline passed for it/, 'TimeoutError'));
  for (const deadlineMs of [undefined, 60_000, 1e12, Infinity]) {
    const long = new Pace({ deadlineMs });
    assert.equal(await long.wait(Promise.resolve(7), 'for it'), 7);
    const mine = new Error('mine');
    await assert.rejects(long.wait(Promise.reject(mine), 'for it'), (e) => e === mine);
  }
  assert.equal(process.getActiveResourcesInfo().includes('Timeout'), false);
});
