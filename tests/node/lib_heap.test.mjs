// SPDX-License-Identifier: MIT
// web/lib/heap.js: copies in and out, and what becomes of traps, exhausted stacks and exhausted memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from '../../web/lib/engine.js';
import { Heap } from '../../web/lib/heap.js';
import { instantiate, loadWasm } from '../../web/lib/load_wasm.js';

/** @param {string} code @param {RegExp} message */
const error = (code, message) => (/** @type {any} */ e) => {
  assert.equal(e.code, code, e.message);
  assert.match(e.message, message);
  return true;
};

/** @param {string} name */
const exported = (name) => [name.length, ...Buffer.from(name)];

/**
 * A module of three functions () -> (): _initialize does nothing, trap is `unreachable`, deep calls
 * itself for ever; and a memory of one page.
 */
function wickedModule() {
  const names = [
    ['_initialize', 0],
    ['trap', 1],
    ['deep', 2],
  ];
  const exports = [
    ...exported('memory'),
    2,
    0,
    ...names.flatMap(([name, i]) => [...exported(String(name)), 0, Number(i)]),
  ];
  const bodies = [[], [0x00], [0x10, 2]].map((body) => [body.length + 2, 0, ...body, 0x0b]);
  const section = (/** @type {number} */ id, /** @type {number[]} */ content) => [id, content.length, ...content];
  return new WebAssembly.Module(
    new Uint8Array([
      0x00,
      0x61,
      0x73,
      0x6d,
      1,
      0,
      0,
      0,
      ...section(1, [1, 0x60, 0, 0]),
      ...section(3, [3, 0, 0, 0]),
      ...section(5, [1, 0, 1]),
      ...section(7, [4, ...exports]),
      ...section(10, [3, ...bodies.flat()]),
    ]),
  );
}

for (const [name, message] of /** @type {[string, RegExp][]} */ ([
  ['trap', /unreachable/],
  ['deep', /stack/i],
])) {
  test(`${name}: an error, and the instance is not used again`, async () => {
    const heap = new Heap(await instantiate(wickedModule()));
    assert.equal(heap.size, 65536);
    assert.throws(() => heap.call(name), error('E_WASM', message));
    assert.throws(() => heap.call(name), error('E_STATE', new RegExp(`${name} crashed before`)));
    assert.throws(() => heap.view(0, 1), error('E_STATE', /crashed before/));
    assert.equal(heap.size, 0);
  });
}

test('bytes, floats and text go in and come out; memory is given back', async () => {
  const heap = new Heap(await instantiate(await loadWasm('simd128')));
  const pointer = heap.allocate(64);
  heap.write(pointer, Uint8Array.of(0xc3, 0xa4, 0x21, 0, 9));
  assert.equal(heap.text(pointer), 'ä!');
  assert.equal(heap.text(0), '');
  heap.writeFloats(pointer, [0.5, -1, 1e9]);
  assert.deepEqual([...heap.floats(pointer, 3)], [0.5, -1, 1e9]);
  assert.deepEqual([...heap.words(pointer, 1)], [0x3f000000]);
  heap.free(pointer);
  const { size } = heap;
  for (let i = 0; i < 1000; i++) heap.free(heap.allocate(1000 + i));
  assert.equal(heap.size, size);
});

test('integers are unsigned, -1 too; other numbers are as they are', () => {
  const instance = { exports: { memory: new WebAssembly.Memory({ initial: 1 }), _initialize: () => 0 } };
  for (const [given, wanted] of [
    [-1, 0xffffffff],
    [-2147483648, 0x80000000],
    [7, 7],
    [-0.5, -0.5],
  ])
    assert.equal(
      new Heap(/** @type {any} */ ({ exports: { ...instance.exports, number: () => given } })).call('number'),
      wanted,
    );
});

test('exhausted memory is an error, and the engine works on', async () => {
  const heap = new Heap(await instantiate(await loadWasm('simd128')));
  const engine = new Engine(heap);
  assert.throws(() => heap.allocate(0xf0000000), error('E_MEMORY', /4026531840 bytes/));
  assert.throws(() => engine.setTensor([1]), error('E_STATE', /no model/));
  engine.loadBegin(2 ** 52);
  assert.throws(() => engine.loadPush(Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0x7b)), error('E_LIMIT', /header/));
  assert.ok(engine.numericsVersion >= 1);
  engine.end();
  assert.throws(() => engine.numericsVersion, error('E_STATE', /disposed/));
});
