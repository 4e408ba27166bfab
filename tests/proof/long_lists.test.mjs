// SPDX-License-Identifier: MIT
// 100,000 paths through `classify --files-from -`: nothing lost or doubled, in order, memory flat; killed in the
// middle and gone on with the rest, the same. Some minutes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { ROOT, temporaryFolder } from '../node/shared.mjs';
import { tinyPath } from '../node/tiny.mjs';

const COUNT = 100_000;
const folder = temporaryFolder();
copyFileSync(join(ROOT, 'tests/data/images/one_pixel.jpg'), join(folder, 'a.jpg'));

/** Every tenth is missing; the same image under many names. @param {number} i */
const pathOf = (i) => (i % 10 === 3 ? `${folder}/gone${i}.jpg` : `${folder}/${'./'.repeat(i % 50)}a.jpg`);

/** @param {number} from */
function* paths(from) {
  for (let i = from; i < COUNT; i++) yield `${pathOf(i)}\n`;
}

/** Megabytes in memory; none of a process that has ended. @param {number} pid @returns {number[]} */
function memory(pid) {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return kilobytes === undefined ? [] : [Number(kilobytes) / 1024];
}

/**
 * Feeds the paths from `from` on; ends the process after `limit` answers.
 * @param {string[]} command @param {number} from @param {number} limit
 */
async function feed(command, from, limit) {
  const child = spawn(command[0], [
    ...command.slice(1),
    'classify',
    '--files-from',
    '-',
    '-k1',
    '--workers',
    '1',
    '--keep-going',
    '-m',
    tinyPath('ternary-6'),
  ]);
  child.stdin.on('error', () => {});
  Readable.from(paths(from)).pipe(child.stdin);
  const closed = once(child, 'close');
  let rest = '';
  let done = from;
  /** @type {number[]} */
  const sizes = [];
  for await (const chunk of child.stdout) {
    const lines = (rest + chunk).split('\n');
    rest = /** @type {string} */ (lines.pop());
    for (const line of lines) {
      const { file, error, predictions } = JSON.parse(line);
      assert.equal(file, pathOf(done));
      assert.equal(error?.code ?? predictions.length, done % 10 === 3 ? 'E_IO' : 1);
      if (++done % 10_000 === 0 && child.exitCode === null) sizes.push(...memory(/** @type {number} */ (child.pid)));
      if (done - from === limit) {
        const ended = once(child, 'exit'); // 'close' would wait for what nobody reads any more
        child.kill('SIGKILL');
        await ended;
        return { done, sizes, code: null };
      }
    }
  }
  const [code] = await closed;
  return { done, sizes, code };
}

for (const [name, command] of /** @type {[string, string[]][]} */ ([
  ['native', [join(ROOT, 'build/native/vit158')]],
  ['npm', [process.execPath, join(ROOT, 'web/cli.mjs')]],
])) {
  test(`${name}: ${COUNT} paths, flat memory`, async () => {
    const { done, sizes, code } = await feed(command, 0, Infinity);
    assert.deepEqual([done, code], [COUNT, 0]);
    console.log(`${name}: MB after each 10,000: ${sizes.map((size) => size.toFixed(1)).join(' ')}`);
    assert.ok(sizes.length >= 8, 'measured on the way');
    assert.ok(Math.max(...sizes.slice(3)) < 1.25 * sizes[2] + 8, String(sizes));
  });

  test(`${name}: killed and gone on with`, async () => {
    const first = await feed(command, 0, 12_345);
    assert.equal(first.done, 12_345);
    assert.equal((await feed(command, first.done, 5000)).done, 17_345);
  });
}
