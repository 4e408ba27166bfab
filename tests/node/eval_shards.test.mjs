// SPDX-License-Identifier: MIT
// `eval --shard` and `eval --combine`, natively and from npm with the same words: parts of all shards are one run,
// whichever command wrote them; parts that do not belong together and damaged ones are refused.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { ROOT, temporaryFolder } from './shared.mjs';

const cwd = temporaryFolder();
const CIFAR = ['-m', join(ROOT, 'models/vit158-cifar10.safetensors')];
const COMMANDS = /** @type {Record<string, string[]>} */ ({
  native: [join(ROOT, 'build/native/vit158')],
  npm: [process.execPath, join(ROOT, 'web/cli.mjs')],
});
const SHARDS = 3;

const IMAGES = { cat: ['cat', 'dog', 'ship'], dog: ['dog', 'cat', 'frog'], horse: ['horse', 'deer'], zebra: ['horse'] };
for (const [label, names] of Object.entries(IMAGES)) {
  mkdirSync(join(cwd, 'photos', label), { recursive: true });
  for (const name of names)
    copyFileSync(join(ROOT, `models/samples/${name}.jpg`), join(cwd, `photos/${label}/a, "${name}".jpg`));
}
writeFileSync(join(cwd, 'photos/dog/none.jpg'), 'no image\n');

/** @param {string} kind @param {...string} args of `eval` */
function evaluate(kind, ...args) {
  const [command, ...first] = COMMANDS[kind];
  const { status, stdout, stderr } = spawnSync(command, [...first, 'eval', ...args], { cwd, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Both say it. @param {...string} args of `eval` */
function said(...args) {
  const [native, npm] = [evaluate('native', ...args), evaluate('npm', ...args)];
  assert.deepEqual(npm, native, args.join(' '));
  return native;
}

/** @param {string} path */
const read = (path) => readFileSync(join(cwd, path), 'utf8');

/** @param {string} kind @param {string} name @param {number} index @param {number} count @param {string[]} options */
function writePart(kind, name, index, count, options = CIFAR) {
  const result = evaluate(kind, 'photos', '--shard', `${index}/${count}`, '-o', name, ...options);
  assert.equal(result.status, 0, result.stderr);
  return result;
}

/** @param {string} text */
const unmeasured = (text) => text.replace(/"ms_median":[^,]*|"memory_bytes":\d+|median .*? ms|"engine":"[^"]*"/g, '');

/** @param {string} text of a part, without what differs from run to run */
const comparable = (text) => text.replace(/"(ms|memory_bytes)":[\d.]+|"engine":"[^"]*"|"sha256":"[^"]*"\}\n$/g, '');

const parts = Object.fromEntries(
  Object.keys(COMMANDS).map((kind) => {
    const names = Array.from({ length: SHARDS }, (_, i) => `${kind}-${i + 1}.json`);
    names.forEach((name, i) => writePart(kind, name, i + 1, SHARDS));
    return [kind, names];
  }),
);

test('both commands write the same parts', () => {
  parts.native.forEach((name, i) => assert.equal(comparable(read(parts.npm[i])), comparable(read(name))));
  const { stdout } = writePart('npm', 'again.json', 3, SHARDS);
  assert.equal(stdout, 'again.json: shard 3 of 3, 3 images\n');
  assert.equal(stdout, writePart('native', 'again.json', 3, SHARDS).stdout);
  assert.match(writePart('native', 'again.json', 1, SHARDS).stdout, /3 images, 1 failed|3 images/);
  assert.deepEqual(
    readdirSync(cwd).filter((name) => name.includes('tmp')),
    [],
  );
});

for (const kind of Object.keys(COMMANDS)) {
  for (const [what, names] of /** @type {[string, string[]][]} */ ([
    ['its own', parts[kind]],
    ['in another order', [2, 0, 1].map((i) => parts[kind][i])],
    ['of both commands', [parts.npm[2], parts.native[0], parts.npm[1]]],
  ])) {
    test(`${kind}: parts combined are one run: ${what}`, () => {
      for (const options of [[], ['--json'], ['--confusion'], ['--confusion', '--json']]) {
        for (const list of ['w.csv', 'w.json']) {
          const whole = evaluate(kind, 'photos', ...CIFAR, ...options, '--wrong', list);
          const wrong = read(list);
          const combined = evaluate(kind, '--combine', ...names, ...options, '--wrong', list);
          assert.deepEqual(
            { ...combined, stdout: unmeasured(combined.stdout) },
            { ...whole, stdout: unmeasured(whole.stdout) },
          );
          assert.equal(whole.status, 1, 'an image and a folder failed');
          assert.equal(read(list), wrong);
          assert.ok(wrong.includes('cat'));
        }
      }
    });
  }

  test(`${kind}: latencies are pooled, engines named`, () => {
    const names = [parts.native[0], parts.npm[1], parts.native[2]];
    const record = JSON.parse(evaluate(kind, '--combine', ...names, '--json').stdout);
    const read_ = names.map((name) => JSON.parse(read(name)));
    const ms = read_.flatMap(({ answers }) => answers.flatMap((/** @type {any} */ one) => one.ms ?? []));
    ms.sort((a, b) => a - b);
    assert.equal(ms.length, 8);
    assert.equal(record.ms_median, Math.floor(((ms[3] + ms[4]) / 2) * 1000 + 0.5) / 1000);
    const engines = [...new Set(read_.map(({ engine }) => engine))];
    assert.equal(record.engine, engines.join('+'));
    assert.equal(record.memory_bytes, Math.max(...read_.map((part) => part.memory_bytes)));
  });
}

test('a limit, merges, one shard, more shards than images', () => {
  const whole = evaluate('native', 'photos', ...CIFAR, '--limit', '5');
  for (let i = 1; i <= 2; i++) writePart('native', `limited-${i}`, i, 2, [...CIFAR, '--limit', '5']);
  assert.equal(unmeasured(said('--combine', 'limited-1', 'limited-2').stdout), unmeasured(whole.stdout));
  const merge = [...CIFAR, '--merge', '1:9'];
  writePart('npm', 'merged', 1, 1, merge);
  const record = JSON.parse(said('--combine', 'merged', '--json').stdout);
  const {
    ms_median: _,
    memory_bytes: __,
    engine: ___,
    ...expected
  } = JSON.parse(evaluate('native', 'photos', ...merge, '--json').stdout);
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(record[key], value, key);
  const names = Array.from({ length: 11 }, (_unused, i) => `many-${i + 1}`);
  names.forEach((name, i) => writePart('native', name, i + 1, 11));
  assert.equal(unmeasured(said('--combine', ...names).stdout), unmeasured(evaluate('npm', 'photos', ...CIFAR).stdout));
});

test('parts that do not belong together', () => {
  const [a, b, c] = parts.native;
  const other = ['-m', join(ROOT, 'models/vit158-imagenet.safetensors')];
  mkdirSync(join(cwd, 'photos/tench'), { recursive: true }); // a class of the other model, none of this one
  writePart('native', 'other-model', 2, 3, other);
  writePart('native', 'other-list', 2, 3);
  writePart('native', 'other-merge', 2, 3, [...CIFAR, '--merge', '1:9']);
  writePart('native', 'other-limit', 2, 3, [...CIFAR, '--limit', '4']);
  writePart('native', 'other-count', 2, 4, [...CIFAR, '--limit', '4']);
  const cases = /** @type {[string[], string][]} */ ([
    [[a, 'other-model', c], `other-model: it has another model than ${a}`],
    [['other-model', a], `${a}: it has another model than other-model`],
    [[a, 'other-list'], `other-list: it has another list of images than ${a}`],
    [[a, 'other-merge'], `other-merge: it has another --merge than ${a}`],
    [[a, 'other-limit'], `other-limit: it has another list of images than ${a}`],
    [['other-limit', 'other-count'], 'other-count: it has another number of shards than other-limit'],
    [[a, b, c, b], `${b}: it is shard 2 of 3, as is ${b}`],
    [[a, parts.npm[0]], `${parts.npm[0]}: it is shard 1 of 3, as is ${a}`],
    [[a, c], 'shard 2 of 3 is missing'],
    [[c], '2 of 3 shards are missing, the first is shard 1'],
    [[a, 'gone'], 'gone: there is no such file'],
    [[a, 'photos'], 'photos: it is a folder'],
  ]);
  for (const [names, message] of cases) {
    const { status, stdout, stderr } = said('--combine', ...names);
    assert.deepEqual([status, stdout], [1, ''], message);
    assert.equal(stderr, `vit158 eval: ${message}\n`);
  }
});

/** A part that has been changed by someone who knows the format. @param {(part: any) => void} change */
function forge(change) {
  const part = JSON.parse(read(parts.native[1]));
  change(part);
  const { sha256: _, ...rest } = part;
  const text = JSON.stringify(rest).slice(0, -1);
  writeFileSync(join(cwd, 'forged'), `${text},"sha256":"${createHash('sha256').update(text).digest('hex')}"}\n`);
  return said('--combine', 'forged').stderr;
}

test('damaged parts', () => {
  const text = read(parts.native[1]);
  const DAMAGED = 'the part is damaged or incomplete: its SHA-256 is not that of its content';
  const cases = /** @type {[string, string][]} */ ([
    ['', 'not a part file'],
    ['{}', 'not a part file'],
    [text.replace('vit158-eval-part', 'vit158-golden'), 'not a part file'],
    [text.replace('"format_version":1', '"format_version":2'), 'part files of version 2 are not read here, only 1'],
    [text.replace('"predicted":', '"predicted":1'), DAMAGED],
    [text.slice(0, -1), DAMAGED],
    [text.slice(0, 100), DAMAGED],
    [`${text}\n`, DAMAGED],
  ]);
  for (const [changed, message] of cases) {
    writeFileSync(join(cwd, 'damaged'), changed);
    assert.equal(said('--combine', 'damaged').stderr, `vit158 eval: damaged: ${message}\n`);
  }
  assert.match(
    forge(() => {}),
    /shards are missing/,
  );
  const FORGED = 'vit158 eval: forged: the part is not as vit158 writes it, though its SHA-256 is right\n';
  for (const change of /** @type {((part: any) => void)[]} */ ([
    (part) => (part.answers[0].class = 10),
    (part) => (part.answers[0].predicted = -1),
    (part) => (part.answers[0].rank = 6),
    (part) => (part.answers[0].rank = part.answers[0].rank === 1 ? 2 : 1),
    (part) => (part.answers[0].score = '1'),
    (part) => (part.answers[0].ms = -1),
    (part) => (part.answers[0].more = 1),
    (part) => (part.answers[0].file = 7),
    (part) => part.answers.pop(),
    (part) => (part.images += SHARDS),
    (part) => (part.shard.index = 4),
    (part) => (part.shard.count = 0),
    (part) => (part.labels = []),
    (part) => (part.labels = 'cat'),
    (part) => (part.unknown_folders = null),
    (part) => (part.model.sha256 = 'abc'),
    (part) => (part.more = 1),
    (part) => delete part.merge,
  ]))
    assert.equal(forge(change), FORGED, String(change));
});

test('what cannot be written, and wrong usage', () => {
  const shard = ['photos', ...CIFAR, '--shard', '1/2'];
  const { status, stderr } = said(...shard, '-o', 'none/part');
  assert.equal(status, 1);
  assert.match(stderr, /vit158 eval: none\/part: cannot be written: there is no such folder\n$/);
  mkdirSync(join(cwd, 'nothing'));
  assert.match(said('nothing', ...CIFAR, '--shard', '1/2', '-o', 'part').stderr, /^vit158 eval: nothing: no images: /);
  assert.ok(!readdirSync(cwd).includes('part'));
  for (const text of ['', '1', '0/2', '3/2', '1/0', '1/2/3', '01/2', '1 /2', '-1/2', '1/1000001', 'x/y', '1e0/2'])
    assert.match(
      said('photos', '--shard', text, '-o', 'x').stderr,
      /^vit158 eval: --shard wants I\/N, I from 1 to N, /,
    );
  for (const args of [
    ['photos', '--shard', '1/2'],
    ['photos', '-o', 'x'],
    [...shard, '-o', 'x', '--json'],
    [...shard, '-o', 'x', '--confusion'],
    [...shard, '-o', 'x', '--wrong', 'w.csv'],
    ['--combine'],
    ['--combine', 'x', '--limit', '3'],
    ['--combine', 'x', '--shard', '1/2', '-o', 'y'],
    ['--combine', 'x', '--merge', 'fast'],
    ['--combine', 'x', ...CIFAR],
    ['--combine', 'x', '--workers', '1'],
    ['--combine', 'x', '--engine', 'scalar'],
    ['photos', 'photos'],
  ])
    assert.equal(said(...args).status, 2, args.join(' '));
  assert.equal(said('--combine', ...parts.npm, '--engine', 'auto', '--wrong', 'none/w.csv').status, 1);
});
