// SPDX-License-Identifier: MIT
// What web/COMMANDS.md says of --json: both commands print those keys, in that order, and no others.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, jsonLines, nativeCommand, npmCommand, temporaryFolder } from './shared.mjs';

const DOCUMENT = readFileSync(join(ROOT, 'web/COMMANDS.md'), 'utf8');
const MODEL = join(ROOT, 'models/vit158-cifar10.safetensors');
const SAMPLE = join(ROOT, 'models/samples/cat.jpg');
const folder = temporaryFolder();

/** The rows of a command's table: [keys in the first column, text of the second]. @param {string} command */
function rows(command) {
  const start = DOCUMENT.indexOf(`\n### \`${command} `);
  assert.ok(start >= 0, `no chapter on ${command}`);
  const chapter = DOCUMENT.slice(start + 1, DOCUMENT.indexOf('\n### ', start + 1) >>> 0);
  const found = [...chapter.matchAll(/^\| (`.*?) \| (.*)\|$/gm)].map(
    ([, first, text]) => /** @type {const} */ ([[...first.matchAll(/`(\w+)`/g)].map(([, key]) => key), text]),
  );
  assert.ok(found.length > 2, `no table of ${command}`);
  return found;
}

/** The keys named in the text of a row, as {"a", "b"}. @param {string} command @param {string} key */
const within = (command, key) => {
  const [, text] = rows(command).find(([keys]) => keys.includes(key)) ?? [];
  return [...(text ?? '').matchAll(/"(\w+)"/g)].map((match) => match[1]);
};

/** @param {string} command @param {string[]} [nested] keys that belong to another's records */
const documented = (command, nested = []) =>
  rows(command)
    .flatMap(([keys]) => keys)
    .filter((key) => !nested.includes(key));

/** The records of both commands, or of one. @param {string[]} args @param {(typeof npmCommand)[]} commands */
function* records(args, commands = [npmCommand, nativeCommand]) {
  for (const command of commands) {
    const { code, stdout, stderr } = command(...args);
    assert.equal(code, 0, stderr);
    yield* jsonLines(stdout);
  }
}

test('keys of classify', () => {
  for (const record of records(['classify', '--json', '--logits', '-m', MODEL, SAMPLE])) {
    assert.deepEqual(Object.keys(record), documented('classify'));
    assert.deepEqual(Object.keys(record.predictions[0]), within('classify', 'predictions'));
    assert.deepEqual(Object.keys(record.timing), within('classify', 'timing'));
  }
});

test('keys of eval', () => {
  mkdirSync(join(folder, 'images/cat'), { recursive: true });
  copyFileSync(SAMPLE, join(folder, 'images/cat/1.jpg'));
  for (const record of records(['eval', join(folder, 'images'), '-m', MODEL, '--confusion', '--json']))
    assert.deepEqual(Object.keys(record), documented('eval'));
});

test('keys of info and inspect', () => {
  const info = documented('info');
  for (const record of records(['info', '-m', MODEL, '--json'])) assert.deepEqual(Object.keys(record), info);
  const facts = info.slice(info.indexOf('image_size'), info.indexOf('file_bytes') + 1);
  const inspect = documented('inspect').flatMap((key) =>
    key === 'image_size' ? facts : key === 'file_bytes' ? [] : [key],
  );
  for (const record of records(['inspect', MODEL, '--json'])) {
    assert.deepEqual(Object.keys(record), inspect);
    assert.deepEqual(Object.keys(record.bytes), within('inspect', 'bytes'));
    assert.deepEqual(Object.keys(record.tensors[0]), within('inspect', 'tensors'));
  }
});

test('keys of record and verify', () => {
  const golden = join(folder, 'golden.json');
  for (const record of records(['record', MODEL, SAMPLE, '-o', golden, '--json']))
    assert.deepEqual(Object.keys(record), documented('record'));
  const result = within('verify', 'results').slice(0, 8);
  const ofResult = result.filter((key) => key !== 'ok');
  for (const record of records(['verify', golden, '--json'])) {
    assert.deepEqual(Object.keys(record), documented('verify', ofResult));
    assert.deepEqual(Object.keys(record.results[0]), result);
  }
});

test('keys of bundle', () => {
  const page = join(folder, 'page.html');
  for (const record of records(['bundle', MODEL, SAMPLE, '-o', page, '--json'], [npmCommand]))
    assert.deepEqual(Object.keys(record), documented('bundle'));
});
