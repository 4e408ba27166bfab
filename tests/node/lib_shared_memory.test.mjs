// SPDX-License-Identifier: MIT
// Shared memory that the system refuses, in each of the ways that engines refuse it: one thread and
// the same answer, however many threads were asked for.
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const MODEL = join(ROOT, 'models/vit158-cifar10.safetensors');
const LARGE_MODEL = join(ROOT, 'models/vit158-imagenet.safetensors'); // enough for threads: 'auto'
const PICTURE = join(ROOT, 'tests/data/images/baseline_420.jpg');
const { Memory } = WebAssembly;

/**
 * Runs `work` while shared memories of more than a page are made by `make`.
 * @param {(descriptor: WebAssembly.MemoryDescriptor) => WebAssembly.Memory} make
 * @param {() => Promise<void>} work
 */
async function withMemories(make, work) {
  let asked = 0;
  const Replaced = /** @type {any} */ (
    function (/** @type {WebAssembly.MemoryDescriptor} */ descriptor) {
      if (!descriptor.shared || descriptor.maximum === 1) return new Memory(descriptor);
      asked++;
      return make(descriptor);
    }
  );
  Replaced.prototype = Memory.prototype;
  WebAssembly.Memory = Replaced;
  try {
    await work();
    assert.ok(asked > 0, 'no shared memory was asked for');
  } finally {
    WebAssembly.Memory = Memory;
  }
}

/** @param {string} message */
const refuse = (message) => () => {
  throw new RangeError(message);
};

/** @type {[string, (descriptor: WebAssembly.MemoryDescriptor) => WebAssembly.Memory][]} */
const WAYS = [
  ['the address space is full', refuse('WebAssembly.Memory(): could not allocate memory')],
  ['the maximum is too large', refuse("Property 'maximum': value is above the upper bound")],
  // Growth beyond what is there to begin with fails: the pool or the stacks find no room.
  ['it does not grow', ({ initial, shared }) => new Memory({ initial, maximum: initial, shared })],
];

for (const [how, make] of WAYS) {
  for (const threads of /** @type {const} */ ([2, 8, 'auto'])) {
    const skip = threads === 'auto' && availableParallelism() === 1 ? 'one core: no memory is asked for' : false;
    test(`${how}, threads: ${threads}`, { skip }, async () => {
      const model = threads === 'auto' ? LARGE_MODEL : MODEL;
      const alone = await Classifier.load(model, { threads: 1 });
      const expected = (await alone.classify(PICTURE)).logitsSha256;
      alone.dispose();
      await withMemories(make, async () => {
        const vit = await Classifier.load(model, { threads });
        assert.equal(vit.info().threads, 1);
        assert.equal((await vit.classify(PICTURE)).logitsSha256, expected);
        vit.dispose();
      });
    });
  }
}

test('growth refused at every page from what is there to what is needed', async () => {
  const model = tinyPath('ternary-6');
  const alone = await Classifier.load(model, { threads: 1 });
  const expected = (await alone.classify(PICTURE)).logitsSha256;
  alone.dispose();
  let refused = 0;
  let threads = 1;
  for (let pages = 4; threads === 1; pages++) {
    assert.ok(pages < 400, 'it never has enough');
    await withMemories(
      ({ initial, shared }) => new Memory({ initial, maximum: pages, shared }),
      async () => {
        try {
          const vit = await Classifier.load(model, { threads: 2 });
          ({ threads } = vit.info());
          assert.equal((await vit.classify(PICTURE)).logitsSha256, expected);
          vit.dispose();
        } catch (error) {
          assert.equal(/** @type {any} */ (error).code, 'E_MEMORY', String(error));
          refused++;
        }
      },
    );
  }
  console.log(`# ${refused} page counts gave E_MEMORY, the others an answer`);
});

test('where two sessions fit, and no third, all are planned anew', async () => {
  const model = join(ROOT, 'models/vit158-imagenet.safetensors');
  const kinds = [{}, { merge: '4:45' }, { merge: '2:20' }];
  /** @param {Classifier} vit */
  const hashesOf = async (vit) => {
    const hashes = [];
    for (const kind of [...kinds, ...kinds]) hashes.push((await vit.classify(PICTURE, kind)).logitsSha256);
    return hashes;
  };
  const alone = await Classifier.load(model, { threads: 2 });
  const { memoryBytes, sessionBytes, threads } = alone.info();
  assert.equal(threads, 2);
  const expected = await hashesOf(alone);
  assert.ok(alone.info().memoryBytes > memoryBytes + 1.5 * sessionBytes, 'elsewhere all three are kept');
  alone.dispose();
  const maximum = Math.ceil((memoryBytes + 1.5 * sessionBytes) / 65536);
  await withMemories(
    ({ initial, shared }) => new Memory({ initial, maximum, shared }),
    async () => {
      const vit = await Classifier.load(model, { threads: 2 });
      assert.equal(vit.info().threads, 2);
      assert.deepEqual(await hashesOf(vit), expected);
      vit.dispose();
    },
  );
});
