// SPDX-License-Identifier: MIT
// Work in workers: threads inside one image, and a pool of workers for many images.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import workerThreads, { Worker } from 'node:worker_threads';
import { Classifier } from '../../web/lib/vit158.js';
import { chooseThreads } from '../../web/lib/threads.js';
import { ROOT } from './shared.mjs';
import { slowImage } from './slow_image.mjs';

const MODEL = join(ROOT, 'models/vit158-cifar10.safetensors');
const PICTURE = join(ROOT, 'tests/data/images/baseline_420.jpg');

/** A tensor that is the same everywhere. @param {number} count */
const tensor = (count) => Float32Array.from({ length: count }, (_, i) => ((i * 37) % 256) / 64 - 2);

/** @param {Classifier} vit */
async function hashOf(vit) {
  return (await vit.classify(PICTURE)).logitsSha256;
}

test('threads give the same logits, and are reported', async () => {
  const alone = await Classifier.load(MODEL, { threads: 1 });
  assert.equal(alone.info().threads, 1);
  const expected = await hashOf(alone);
  for (const threads of [2, 3, 5]) {
    const vit = await Classifier.load(MODEL, { threads });
    assert.equal(vit.info().threads, threads);
    for (let i = 0; i < 5; i++) assert.equal(await hashOf(vit), expected);
    const { attention } = await vit.classify(PICTURE, { explain: true });
    assert.ok(attention);
    assert.equal(await hashOf(vit), expected, 'after planning for attention');
    vit.dispose();
  }
  alone.dispose();
});

test('threads refuse senseless counts', async () => {
  for (const threads of [0, -1, 1.5, 65, 'two'])
    await assert.rejects(Classifier.load(MODEL, { threads: /** @type {any} */ (threads) }), {
      code: 'E_ARGUMENT',
    });
});

test('"auto" keeps small models on one thread', async () => {
  assert.equal(await chooseThreads('auto', 500_000), 1);
  assert.equal(await chooseThreads('auto', 0), 1, 'unknown size');
  assert.equal(await chooseThreads(3, 0), 3);
  const vit = await Classifier.load(MODEL);
  assert.equal(vit.info().threads, 1);
  vit.dispose();
});

test('"auto" takes as many threads as there are cores, at most 4', async (t) => {
  let cores = 0;
  t.mock.method(os, 'availableParallelism', () => cores);
  syncBuiltinESMExports();
  t.after(() => (t.mock.restoreAll(), syncBuiltinESMExports()));
  for (cores of [1, 3, 4, 16]) assert.equal(await chooseThreads('auto', 2 << 20), Math.min(cores, 4));
});

test('memory of threads stays flat', async () => {
  const vit = await Classifier.load(MODEL, { threads: 2 });
  await hashOf(vit);
  const before = vit.info().memoryBytes;
  for (let i = 0; i < 50; i++) await hashOf(vit);
  assert.equal(vit.info().memoryBytes, before);
  vit.dispose();
});

test('a pool answers like a single classifier', async () => {
  const alone = await Classifier.load(MODEL);
  const pool = await Classifier.load(pathToFileURL(MODEL), { worker: 2 });
  const info = pool.info();
  assert.equal(info.workers, 2);
  assert.equal(info.name, 'vit158-cifar10');
  assert.deepEqual(info.model, alone.info().model);
  assert.deepEqual(pool.labels(), alone.labels());
  const file = readFileSync(PICTURE);
  const expected = await alone.classify(PICTURE, { explain: true, topK: 3 });
  const inputs = [PICTURE, file, new Blob([file]), new Uint8Array(file).buffer];
  for (const got of await Promise.all(inputs.map((input) => pool.classify(input, { topK: 3 })))) {
    assert.equal(got.logitsSha256, expected.logitsSha256);
    assert.deepEqual(got.predictions, expected.predictions);
    assert.deepEqual(got.logits, expected.logits);
  }
  const explained = await pool.classify(PICTURE, { explain: true });
  assert.deepEqual(explained.attention, expected.attention);
  assert.deepEqual(await pool.embed(PICTURE), await alone.embed(PICTURE));
  assert.deepEqual(await pool.preprocess(PICTURE), await alone.preprocess(PICTURE));
  const values = tensor(3 * 32 * 32);
  assert.deepEqual(await pool.forward(values), await alone.forward(values));
  assert.equal(values.length, 3 * 32 * 32, "the caller's tensor is not taken away");
  pool.dispose();
  alone.dispose();
});

test('a pool takes pixels without taking them away', async () => {
  const pool = await Classifier.load(MODEL, { worker: true });
  assert.equal(pool.info().workers, 1);
  const data = new Uint8Array(40 * 30 * 3).map((_, i) => (i * 7) % 256);
  const first = await pool.classify({ data, width: 40, height: 30 });
  const second = await pool.classify({ data, width: 40, height: 30 });
  assert.equal(first.logitsSha256, second.logitsSha256);
  pool.dispose();
});

test('a pool passes errors on and works on', async () => {
  const pool = await Classifier.load(MODEL, { worker: 2 });
  await assert.rejects(pool.classify('/no/such/file.jpg'), { name: 'Vit158Error', code: 'E_IO' });
  await assert.rejects(pool.classify(new Uint8Array([1, 2, 3])), { code: 'E_FORMAT' });
  await assert.rejects(pool.classify(/** @type {any} */ (42)), { code: 'E_INPUT' });
  await assert.rejects(pool.classify(PICTURE, { topK: -1 }), { code: 'E_ARGUMENT' });
  assert.ok(await hashOf(pool));
  pool.dispose();
});

test('what cannot be posted to a worker is refused as without one, and the process ends', () => {
  for (const worker of [false, 1]) {
    const script = `
      import { Classifier } from ${JSON.stringify(new URL('../../web/lib/vit158.js', import.meta.url))};
      const vit = await Classifier.load(${JSON.stringify(MODEL)}, { worker: ${worker} });
      const codes = [];
      for (let i = 0; i < 2; i++) await vit.classify({ foo() {} }).catch(({ code }) => codes.push(code));
      const { logits } = await vit.classify(${JSON.stringify(PICTURE)});
      console.log(...codes, logits.length);`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 60_000,
      encoding: 'utf8',
    });
    assert.equal(said, 'E_INPUT E_INPUT 10\n');
  }
});

test('a pool of workers that the caller makes', async () => {
  let made = 0;
  const newWorker = () => {
    made++;
    return new Worker(new URL('../../web/lib/worker.js', import.meta.url));
  };
  const [pool, alone] = [await Classifier.load(MODEL, { worker: 2, newWorker }), await Classifier.load(MODEL)];
  assert.equal(made, 2);
  assert.equal(await hashOf(pool), await hashOf(alone));
  for (const vit of [pool, alone]) vit.dispose();
  const dead = () => new Worker('process.exit(3)', { eval: true });
  await assert.rejects(Classifier.load(MODEL, { worker: true, newWorker: dead }), { code: 'E_THREAD' });
  const refused = () => {
    throw new Error('not here');
  };
  await assert.rejects(Classifier.load(MODEL, { worker: true, newWorker: refused }), {
    name: 'Vit158Error',
    code: 'E_THREAD',
    message: 'starting a worker: not here',
  });
  for (const given of [undefined, {}, Promise.resolve()]) {
    const odd = /** @type {any} */ (() => given);
    await assert.rejects(Classifier.load(MODEL, { worker: true, newWorker: odd }), {
      code: 'E_THREAD',
      message: /^starting a worker: newWorker gave .*, which is no worker$/,
    });
  }
});

test('a pool can be aborted, and disposed of in the middle', async () => {
  const pool = await Classifier.load(MODEL, { worker: 1 });
  const reason = new Error('enough');
  await assert.rejects(pool.classify(PICTURE, { signal: AbortSignal.abort(reason) }), {
    code: 'E_ABORT',
    cause: reason,
  });
  const controller = new AbortController();
  const calls = Array.from({ length: 30 }, () => pool.classify(PICTURE, { signal: controller.signal }));
  const settled = Promise.allSettled(calls);
  await calls[0];
  controller.abort(reason);
  const outcomes = await settled;
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  assert.ok(refused.length > 0, 'some calls were still waiting');
  for (const { reason: error } of /** @type {PromiseRejectedResult[]} */ (refused)) assert.equal(error.code, 'E_ABORT');
  const last = pool.classify(PICTURE);
  pool.dispose();
  await assert.rejects(last, { code: 'E_STATE' });
  await assert.rejects(pool.classify(PICTURE), { code: 'E_STATE' });
});

test('a deadline ends a call in a pool, and the next one is right', async () => {
  const pool = await Classifier.load(MODEL, { worker: 1 });
  const { logitsSha256 } = await pool.classify(PICTURE);
  await assert.rejects(pool.classify(PICTURE, { deadlineMs: 0 }), { code: 'E_ABORT', message: /deadline/ });
  assert.equal((await pool.classify(PICTURE, { deadlineMs: 60_000 })).logitsSha256, logitsSha256);
  pool.dispose();
});

for (const [kind, source] of /** @type {const} */ ([
  ['a path', MODEL],
  ['bytes', readFileSync(MODEL)],
]))
  test(`decoding ends with its deadline or signal, and a new worker answers (model from ${kind})`, async () => {
    const pool = await Classifier.load(source, { worker: 1 });
    const { logitsSha256 } = await pool.classify(PICTURE);
    const slow = slowImage();
    for (const limit of [() => ({ deadlineMs: 100 }), () => ({ signal: AbortSignal.timeout(100) })]) {
      const begin = performance.now();
      await assert.rejects(pool.classify(slow, limit()), { code: 'E_ABORT' });
      const ms = performance.now() - begin;
      assert.ok(ms > 90 && ms < 400, `ended after ${ms} ms`); // 150, and room for a busy machine
      assert.equal((await pool.classify(PICTURE)).logitsSha256, logitsSha256);
      assert.ok(performance.now() - begin < 2500, 'the next call does not wait for the decoder');
    }
    assert.equal(pool.info().workers, 1);
    pool.dispose();
  });

test('a call that waits behind one that is over is answered all the same', async () => {
  const pool = await Classifier.load(MODEL, { worker: 1 });
  const { logitsSha256 } = await pool.classify(PICTURE);
  const slow = pool.classify(slowImage(), { deadlineMs: 100 });
  const next = pool.classify(PICTURE);
  await assert.rejects(slow, { code: 'E_ABORT' });
  assert.equal((await next).logitsSha256, logitsSha256);
  pool.dispose();
});

test('loading into a pool reports progress, errors and aborts', async () => {
  /** @type {number[]} */
  const seen = [];
  const pool = await Classifier.load(MODEL, {
    worker: 2,
    onProgress: ({ loaded, total }) => {
      seen.push(loaded);
      assert.equal(total, readFileSync(MODEL).length); // a file's size is known
    },
  });
  assert.equal(seen[0], 0);
  assert.equal(seen.at(-1), readFileSync(MODEL).length);
  pool.dispose();
  await assert.rejects(Classifier.load(new Uint8Array(100), { worker: 2 }), (error) => {
    assert.match(/** @type {any} */ (error).code, /^E_/);
    assert.equal(/** @type {any} */ (error).name, 'Vit158Error');
    return true;
  });
  await assert.rejects(Classifier.load(MODEL, { worker: 0.5 }), { code: 'E_ARGUMENT' });
  for (const source of [MODEL, readFileSync(MODEL)])
    await assert.rejects(Classifier.load(source, { worker: 1, signal: AbortSignal.abort() }), { code: 'E_ABORT' });
  await assert.rejects(Classifier.load('/no/such/model.safetensors', { worker: 2 }), {
    name: 'Vit158Error',
    code: 'E_IO',
    message: '/no/such/model.safetensors: there is no such file',
  });
});

test('a process that forgets dispose() ends all the same', () => {
  for (const options of ['{ threads: 2 }', '{ worker: 2 }']) {
    const script = `
      import { Classifier } from ${JSON.stringify(new URL('../../web/lib/vit158.js', import.meta.url))};
      const vit = await Classifier.load(${JSON.stringify(MODEL)}, ${options});
      await vit.forward(new Float32Array(3 * 32 * 32));`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 });
  }
});

test('helpers of an engine that crashed are ended, and the crash is what is reported', () => {
  for (const [name, after] of [
    ['step', 'vit.dispose();'],
    ['step', ''],
    ['load_end', ''],
  ]) {
    const script = `
      import { Classifier } from ${JSON.stringify(new URL('../../web/lib/vit158.js', import.meta.url))};
      const instantiate = WebAssembly.instantiate;
      WebAssembly.instantiate = async (...args) => {
        const { exports } = await instantiate(...args);
        const crash = () => { throw new WebAssembly.RuntimeError('unreachable'); };
        return exports.vit158_wasm_step ? { exports: { ...exports, vit158_wasm_${name}: crash } } : { exports };
      };
      try {
        const vit = await Classifier.load(${JSON.stringify(MODEL)}, { threads: 3 });
        await vit.classify(${JSON.stringify(PICTURE)}).catch(({ code, message }) => console.log(code, message));
        ${after}
      } catch ({ code, message }) {
        console.log(code, message);
      }`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 30_000,
      encoding: 'utf8',
    });
    assert.equal(said, `E_WASM the engine crashed in vit158_wasm_${name}: unreachable\n`);
  }
});

/**
 * The module with `unreachable` as the body of an exported function.
 * @param {Uint8Array} wasm @param {string} name
 */
function withTrap(wasm, name) {
  const bytes = Uint8Array.from(wasm);
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const skipName = () => void (at = number() + at);
  let index = -1;
  while (at < bytes.length) {
    const section = bytes[at++];
    const size = number();
    const end = at + size;
    if (section === 2) {
      // imports: memory alone
      assert.equal(number(), 1);
      skipName();
      skipName();
      assert.equal(bytes[at], 2);
    } else if (section === 7) {
      for (let count = number(); count > 0; count--) {
        const length = number();
        const found = new TextDecoder().decode(bytes.subarray(at, at + length)) === name;
        at += length;
        const kind = bytes[at++];
        const value = number();
        if (found && kind === 0) index = value;
      }
    } else if (section === 10) {
      number();
      for (let body = 0; body < index; body++) skipName(); // a size and so many bytes, too
      const length = number();
      bytes.fill(0x01, at, at + length); // nop
      bytes[at] = 0; // no locals
      bytes[at + 1] = 0x00; // unreachable
      bytes[at + length - 1] = 0x0b; // end
    }
    at = end;
  }
  assert.ok(index >= 0, `${name} is no function`);
  return bytes;
}

// That nobody waits for a helper that dies inside an operation: tests/unit/test_pool.c.
test('a helper that traps ends calls with E_THREAD', async () => {
  const whole = readFileSync(new URL('../../wasm_build/dist/vit158-threads.wasm', import.meta.url));
  const threads = await WebAssembly.compile(withTrap(whole, 'vit158_wasm_pool_work'));
  const vit = await Classifier.load(MODEL, { threads: 2, wasm: { threads } });
  const dead = { code: 'E_THREAD', message: /a worker thread of the session has died/ };
  await assert.rejects(async () => {
    // The helper traps as soon as it is there.
    for (let i = 0; i < 1000; i++) await vit.classify(PICTURE);
  }, dead);
  await assert.rejects(vit.classify(PICTURE), dead);
  vit.dispose();
});

/**
 * The workers started during a test.
 * @param {import('node:test').TestContext} t
 */
function watchWorkers(t) {
  /** @type {{worker: Worker, exit: Promise<unknown>}[]} */
  const started = [];
  workerThreads.Worker = class extends Worker {
    /** @param {ConstructorParameters<typeof Worker>} args */
    constructor(...args) {
      super(...args);
      started.push({ worker: this, exit: once(this, 'exit') });
    }
  };
  syncBuiltinESMExports();
  t.after(() => {
    workerThreads.Worker = Worker;
    syncBuiltinESMExports();
    for (const { worker } of started) worker.terminate();
  });
  return started;
}

test('without memory for all threads there is one, and the helpers started so far end', async (t) => {
  const started = watchWorkers(t);
  const { instantiate } = WebAssembly;
  let stacks = 0;
  t.mock.method(WebAssembly, 'instantiate', async (/** @type {any[]} */ ...args) => {
    const { exports } = await /** @type {any} */ (instantiate)(...args);
    const malloc = (/** @type {number} */ n) => (n === 65536 && ++stacks === 2 ? 0 : exports.malloc(n));
    return { exports: { ...exports, malloc } };
  });
  const vit = await Classifier.load(MODEL, { threads: 3 });
  assert.equal(stacks, 2);
  assert.equal(vit.info().threads, 1);
  assert.ok(await hashOf(vit));
  assert.equal(started.length, 1);
  await started[0].exit;
  vit.dispose();
});

test('a pool that is aborted while its workers open ends them', async (t) => {
  const started = watchWorkers(t);
  const controller = new AbortController();
  const reason = new Error('enough');
  const Watched = workerThreads.Worker;
  workerThreads.Worker = class extends Watched {
    /** @param {ConstructorParameters<typeof Worker>} args */
    constructor(...args) {
      super(...args);
      controller.abort(reason);
    }
  };
  syncBuiltinESMExports();
  await assert.rejects(Classifier.load(MODEL, { worker: 3, signal: controller.signal }), {
    name: 'Vit158Error',
    code: 'E_ABORT',
    cause: reason,
  });
  assert.ok(started.length >= 1);
  for (const { exit } of started) await exit;
});
