// SPDX-License-Identifier: MIT
// web/SCALE.md under GNU parallel: every file is answered once though a job is killed, and shards combined are one run.
// (tests/proof/scale.test.mjs: the same with 20,000 files; tests/proof/slurm.test.mjs: under Slurm.)
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandIn, inShell, recipe, writeLabelled } from './recipes.mjs';
import { ROOT, jsonLines, temporaryFolder } from './shared.mjs';

const COUNT = Number(process.env.VIT158_SCALE_FILES ?? 400);
const A_LIST = COUNT / 20;
const folder = temporaryFolder();
const env = commandIn(folder);

/** Images under many names in folders of 1,000; every tenth is none. */
function writePhotos() {
  const image = join(folder, 'image.jpg');
  copyFileSync(join(ROOT, 'tests/data/images/one_pixel.jpg'), image);
  const names = Array.from(
    { length: COUNT },
    (_, i) => `photos/${Math.floor(i / 1000)}/${i}${i % 10 === 3 ? '.txt' : '.jpg'}`,
  );
  for (const name of names) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    if (name.endsWith('.txt')) writeFileSync(join(folder, name), 'no image\n');
    else linkSync(image, join(folder, name));
  }
  return names;
}

/** Kills the first process that has begun to answer its list but is not done. */
async function killOne() {
  for (;;) {
    await sleep(1);
    for (const pid of readdirSync(join(folder, 'pids'))) {
      const [, list] = /--files-from lists\/(\d+)/.exec(readFileSync(join(folder, 'pids', pid), 'utf8')) ?? [];
      if (list === undefined || existsSync(join(folder, `answers/${list}.json`))) continue;
      try {
        process.kill(Number(pid), 'SIGKILL');
        return list;
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

test(`${COUNT} files, a job killed and run again: every file is answered once`, async () => {
  const names = writePhotos();
  const [classify, collect] = recipe('GNU parallel: classify').map((code) => code.replace('-l 1000', `-l ${A_LIST}`));
  assert.match(classify, new RegExp(`-l ${A_LIST} `));
  const [{ status, stderr }, killed] = await Promise.all([inShell(classify, folder, env), killOne()]);
  assert.equal(status, 1, stderr); // as many jobs as failed
  assert.ok(!existsSync(join(folder, `answers/${killed}.json`)), 'a killed job has no output that counts');
  assert.equal(readdirSync(join(folder, 'answers')).filter((name) => name.endsWith('.json')).length, 19);
  const started = readdirSync(join(folder, 'pids')).length;
  const again = classify.slice(classify.indexOf('parallel'));
  assert.deepEqual(await inShell(again, folder, env), { status: 0, stdout: '', stderr: '' });
  assert.equal(readdirSync(join(folder, 'pids')).length, started + 1, 'only the one job ran again');
  assert.equal((await inShell(collect, folder, env)).status, 0);
  const answers = jsonLines(readFileSync(join(folder, 'answers.jsonl'), 'utf8'));
  assert.deepEqual(answers.map(({ file }) => file).sort(), names.sort());
  for (const { file, predictions, error } of answers)
    assert.ok(file.endsWith('.jpg') ? predictions.length > 0 : error.code === 'E_FORMAT', file);
});

test('shards combined are one run', async () => {
  writeLabelled(folder);
  const [shards] = recipe('GNU parallel: measure accuracy');
  const combined = await inShell(shards, folder, env);
  const whole = await inShell('vit158 eval labelled --confusion', folder, env);
  const unmeasured = (/** @type {string} */ text) => text.replace(/median [\d.]+ ms/, '').replace(/^part.*\n/gm, '');
  // A shard complains too.
  const once = (/** @type {string} */ text) => [...new Set(text.split('\n'))].join('\n');
  assert.deepEqual(
    { ...combined, stdout: unmeasured(combined.stdout), stderr: once(combined.stderr) },
    { ...whole, stdout: unmeasured(whole.stdout) },
  );
  assert.match(whole.stdout, /^5 images, .*, 1 failed\n.*cat.*\n.*dog.*\n$/);
  assert.equal(whole.status, 1);
});
