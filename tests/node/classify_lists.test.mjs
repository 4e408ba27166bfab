// SPDX-License-Identifier: MIT
// `classify` and `eval` as other programs use them, natively and from npm with the same words: folders,
// standard input, lists of paths, what fails in its place, thresholds, classes of one's own, confusions.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { classesText } from '../../web/lib/classes.js';
import { Classifier } from '../../web/lib/vit158.js';
import { NATIVE, ROOT, jsonLines, run, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const CIFAR = join(ROOT, 'models/vit158-cifar10.safetensors');
const PICTURE = join(ROOT, 'models/samples/cat.jpg');
const folder = temporaryFolder();
const COMMANDS = /** @type {[string, string[]][]} */ ([
  ['native', [NATIVE]],
  ['npm', [process.execPath, join(ROOT, 'web/cli.mjs')]],
]);

/** @param {string[]} command @param {string[]} args @param {string | Buffer} [input] */
async function fed(command, args, input) {
  const child = spawn(command[0], [...command.slice(1), ...args], { cwd: ROOT });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

/** Without what is measured or differs by nature. @param {string} text */
const unmeasured = (text) =>
  text
    .replace(/"timing":\{[^}]*\}|"ms_median":[^,]*|"memory_bytes":\d+|median .*? ms/g, '')
    .replace(/"engine":"avx2"|, avx2,/g, (engine) => engine.replace('avx2', 'simd128')); // which only the native one has

/** What both commands say, which must be the same. @param {string[]} args @param {string | Buffer} [input] */
async function same(args, input) {
  const [native, npm] = await Promise.all(COMMANDS.map(([, command]) => fed(command, args, input)));
  assert.deepEqual(
    { ...npm, stdout: unmeasured(npm.stdout) },
    { ...native, stdout: unmeasured(native.stdout) },
    args.join(' '),
  );
  return native;
}

test('folders, standard input, pipes, forms of options', async () => {
  const all = await same(['classify', '-m', CIFAR, 'models/samples', '-k1', '--json']);
  assert.equal(all.code, 0);
  const records = jsonLines(all.stdout);
  assert.deepEqual(records.map(({ file }) => file).slice(0, 2), [
    'models/samples/airplane.jpg',
    'models/samples/automobile.jpg',
  ]);
  assert.ok(records.length === 10 && records.every(({ predictions }) => predictions.length === 1));
  const one = await same(['classify', '-m', CIFAR, '-', '--top-k=2', '--json'], readFileSync(PICTURE));
  assert.deepEqual(
    jsonLines(one.stdout).map(({ file, predictions }) => [file, predictions.length, predictions[0].label]),
    [['-', 2, 'cat']],
  );
  for (const [, command] of COMMANDS) {
    const line = command.map((word) => `'${word}'`).join(' ');
    const piped = run('bash', [
      '-c',
      `cat '${PICTURE}' | ${line} classify -m '${CIFAR}' /dev/stdin -k1; ${line} classify -m '${CIFAR}' <(cat '${PICTURE}') -k 1`,
    ]);
    assert.match(piped.stdout, /^\/dev\/stdin\n +86\.97 % {2}cat\n\/dev\/fd\/\d+\n +86\.97 % {2}cat\n$/, piped.stderr);
  }
  const high = await same(['classify', '-m', CIFAR, PICTURE, '--threshold', '0.03']);
  assert.match(high.stdout, /cat\n.*frog\n$/);
  assert.equal((await same(['classify', '-m', CIFAR, PICTURE, '--threshold', '1', '--json'])).code, 0);
  assert.match((await same(['classify', '-m', CIFAR, ''])).stderr, /: there is no such file\n$/);
});

test('folders, models and lists that cannot be read', async () => {
  assert.equal((await same(['classify', '-m', CIFAR, '--files-from', ROOT])).code, 1, 'a folder is no list');
  const absent = join(folder, 'absent');
  assert.match((await same(['eval', '-m', CIFAR, absent])).stderr, /absent: there is no such file\n$/);
  assert.match((await same(['eval', '-m', CIFAR, PICTURE])).stderr, /cat\.jpg: it is not a folder\n$/);
  for (const command of ['inspect', 'verify']) {
    assert.match((await same([command, 'absent'])).stderr, /: absent: there is no such file\n$/);
    assert.match((await same([command, 'src'])).stderr, /: src: it is a folder/);
  }
  for (const args of [
    ['import', 'absent', '-o', absent],
    ['import', 'package.json', '-o', absent],
    ['pack', 'absent', '-o', absent],
    ['record', CIFAR, PICTURE, '-o', join(absent, 'golden.json')],
    ['classify', '-m', 'src', PICTURE],
    ['classify', '-m', 'absent', PICTURE],
  ])
    assert.equal((await same(args)).code, 1);
  for (const command of ['classify', 'eval', 'inspect', 'import', 'pack', 'record', 'verify', 'info'])
    await same(['help', command]);
});

test(
  'a path that is no UTF-8, in a list',
  { skip: process.platform === 'linux' ? false : 'SKIPPED: such names need Linux' },
  async () => {
    const path = Buffer.concat([Buffer.from(join(folder, 'caf')), Buffer.of(0xe9), Buffer.from('.png')]);
    writeFileSync(path, readFileSync(PICTURE));
    const list = Buffer.concat([path, Buffer.from('\r\n\r\n'), path, Buffer.from('x\n'), Buffer.from(PICTURE)]);
    const { stdout, code } = await same(['classify', '-m', CIFAR, '-k1', '--files-from', '-'], list);
    assert.equal(code, 1);
    assert.deepEqual(
      jsonLines(stdout).map(({ predictions, error }) => predictions?.[0].label ?? error.message),
      ['cat', 'there is no such file', 'cat'],
    );
  },
);

test('what cannot be read is said in the same words, and its name once', async () => {
  const files = {
    'empty.jpg': '',
    'text.jpg': 'hello',
    'page.png': '<!doctype html>',
    'cut.jpg': readFileSync(PICTURE).subarray(0, 300),
    'start.png': '\x89PNG\r\n\x1a\n',
    'picture.gif': 'GIF89a',
    'two.jpg': '\xff\xd8',
  };
  const paths = Object.entries(files).map(([name, bytes]) => {
    writeFileSync(join(folder, name), bytes, 'latin1');
    return join(folder, name);
  });
  mkdirSync(join(folder, 'none'));
  const named = [
    ...paths,
    join(folder, 'none'),
    join(folder, 'gone.jpg'),
    join(folder, 'text.jpg/x.jpg'),
    `/${'x'.repeat(300)}.jpg`,
  ];
  const { code, stderr, stdout } = await same(['classify', ...named]);
  assert.deepEqual([code, stdout], [1, '']);
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, named.length);
  for (const [i, line] of lines.entries())
    assert.ok(line.split(named[i]).length === 2 && !/ENOENT|undefined/.test(line), line);
  const listed = await same(['classify', '--files-from', '-'], named.join('\n'));
  assert.equal(listed.code, 1);
  const records = jsonLines(listed.stdout);
  assert.deepEqual(
    records.map(({ file }) => file),
    named,
  );
  for (const { error } of records) assert.match(error.code, /^E_[A-Z]+$/);
  assert.equal(records[8].error.message, 'there is no such file');
  assert.equal(listed.stderr, '');
});

test('lists: in order, each failure in its place, exit codes', async () => {
  const samples = ['cat', 'dog', 'ship'].map((name) => `models/samples/${name}.jpg`);
  const list = [samples[0], '', 'gone.jpg', samples[1], 'models', samples[2]];
  const expected = [samples[0], 'gone.jpg', samples[1], 'models', samples[2]];
  for (const [input, ending] of [
    [list.join('\n'), ''],
    [list.join('\n'), '\n'],
    [list.join('\r\n'), '\r\n'],
  ]) {
    for (const workers of ['1', '3']) {
      const { code, stdout } = await same(
        ['classify', '-m', CIFAR, '--files-from', '-', '--workers', workers],
        input + ending,
      );
      assert.equal(code, 1);
      const records = jsonLines(stdout);
      assert.deepEqual(
        records.map(({ file }) => file),
        expected,
      );
      assert.deepEqual(
        records.map(({ error }) => error?.message ?? null),
        [null, 'there is no such file', null, 'it is a folder', null],
      );
    }
  }
  writeFileSync(join(folder, 'list.txt'), list.join('\n'));
  assert.equal((await same(['classify', '--files-from', join(folder, 'list.txt'), '--keep-going'])).code, 0);
  assert.equal((await same(['classify', '--files-from', '-'], '')).stdout, '');
  const kept = await same(['classify', '--json', '--keep-going', samples[0], 'gone.jpg']);
  assert.deepEqual([kept.code, jsonLines(kept.stdout).length, kept.stderr], [0, 2, '']);
  const gone = await same(['classify', '--files-from', 'gone.txt']);
  assert.deepEqual([gone.code, gone.stderr], [1, 'vit158 classify: gone.txt: there is no such file\n']);
  assert.equal((await same(['classify', '--files-from', '-', samples[0]])).code, 2);
  assert.equal((await same(['classify'])).code, 2);
});

for (const [name, command] of COMMANDS) {
  test(`${name}: an answer comes before the next path does`, async () => {
    for (const workers of ['1', '2']) {
      const child = spawn(
        command[0],
        [...command.slice(1), 'classify', '-m', CIFAR, '--files-from', '-', '-k1', '--workers', workers],
        { cwd: ROOT },
      );
      const lines = (async function* () {
        let text = '';
        for await (const chunk of child.stdout) {
          text += chunk;
          const whole = text.split('\n');
          text = whole.pop() ?? '';
          yield* whole;
        }
      })();
      for (const label of ['cat', 'dog', 'cat']) {
        child.stdin.write(`models/samples/${label}.jpg\n`);
        assert.equal(JSON.parse((await lines.next()).value ?? '').predictions[0].label, label);
      }
      const closed = once(child, 'close');
      child.stdin.end();
      assert.deepEqual(await closed, [0, null]);
    }
  });
}

test(
  'GNU parallel and xargs hand out the paths',
  { skip: run('sh', ['-c', 'command -v parallel']).code !== 0 && 'parallel is not installed' },
  () => {
    const paths = Array.from({ length: 40 }, (_, i) => join(folder, `copy ${i}.jpg`));
    for (const path of paths) copyFileSync(PICTURE, path);
    for (const [, command] of COMMANDS) {
      const line = command.map((word) => `'${word}'`).join(' ');
      const { code, stdout, stderr } = run('bash', [
        '-c',
        `ls -d '${folder}'/copy*.jpg '${folder}'/gone.jpg 2>/dev/null ` +
          `| parallel --pipe -j 2 -N 7 ${line} classify -m '${CIFAR}' --files-from - --workers 1 --keep-going`,
      ]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(
        jsonLines(stdout)
          .map(({ file }) => file)
          .sort(),
        [...paths].sort(),
        'nothing is lost or doubled',
      );
    }
  },
);

test('addresses: the native command gives advice', () => {
  const { code, stderr } = run(NATIVE, ['classify', 'https://example.org/cat.jpg']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^vit158 classify: https:\/\/example\.org\/cat\.jpg: addresses are read by the npm command only/,
  );
});

test('misspelt commands and options, help and version', async () => {
  assert.match((await same(['clasify'])).stderr, /there is no command 'clasify': did you mean classify\?/);
  assert.match((await same(['xyzzy'])).stderr, /there is no command 'xyzzy' \(see/);
  assert.match(
    (await same(['classify', '--topk', '3', 'x'])).stderr,
    /unknown option '--topk': did you mean --top-k\?/,
  );
  assert.match((await same(['classify', '-x', 'x'])).stderr, /unknown option '-x' \(see/);
  assert.match(
    (await same(['eval', 'x', '--wrong', 'a.txt'])).stderr,
    /must|wants a name that ends in \.csv or \.json, got 'a\.txt'/,
  );
  for (const name of ['classify', 'eval', 'info', 'record', 'verify'])
    assert.equal((await same(['help', name])).stdout, (await same([name, '--help'])).stdout);
  assert.equal((await same(['version'])).stdout, (await same(['--version'])).stdout);
  assert.equal((await same(['help', 'nonsense'])).code, 2);
});

test('completion in bash asks the command itself', async () => {
  const { stdout } = await same(['completion', 'bash']);
  assert.equal((await same(['completion', 'zsh'])).stdout.endsWith(stdout), true);
  assert.equal((await same(['completion', 'fish'])).code, 2);
  const script = join(folder, 'completion.bash');
  writeFileSync(script, stdout);
  /** @param {string} words @param {number} at */
  const complete = (words, at) =>
    run('bash', [
      '-c',
      `vit158() { '${NATIVE}' "$@"; }; source '${script}'; ` +
        `COMP_WORDS=(${words}) COMP_CWORD=${at}; _vit158; printf '%s ' "\${COMPREPLY[@]}"`,
    ])
      .stdout.trim()
      .split(' ');
  assert.deepEqual(complete('vit158 cl', 1), ['classify']);
  assert.deepEqual(complete('vit158 classify --th', 2), ['--threads', '--threshold']);
});

test("classes of one's own: the same scores bit for bit", async () => {
  const model = tinyPath('ternary-6');
  const sha256 = createHash('sha256').update(readFileSync(model)).digest('hex');
  const pictures = ['baseline_420.jpg', 'grey.jpg', 'rgb_8.png', 'orientation_6.jpg', 'orientation_3.jpg'].map((name) =>
    join(ROOT, 'tests/data/images', name),
  );
  const vit = await Classifier.load(model);
  const vectors = await Promise.all(pictures.map((picture) => vit.embed(picture)));
  vit.dispose();
  const classes = [
    { name: 'a "b"', vectors: [vectors[0], vectors[1], vectors[0].map((x) => -x)] },
    { name: 'none', vectors: [] },
    { name: '\u00fc', vectors: [vectors[2]], thumbnails: ['AAAA'] },
    { name: 'd', vectors: [vectors[3], vectors[4]] },
  ];
  for (const method of /** @type {const} */ (['centroid', 'neighbours'])) {
    const file = join(folder, `${method}.json`);
    const unlike = method === 'centroid' ? 0.999 : undefined;
    writeFileSync(
      file,
      classesText({ model: { name: 'tiny', sha256 }, dim: vectors[0].length, method, unlike, classes }),
    );
    const { code, stdout, stderr } = await same(['classify', '-m', model, '--classes', file, '--json', ...pictures]);
    assert.equal(code, 0, stderr);
    const records = jsonLines(stdout);
    assert.ok(records.every(({ predictions }) => predictions.length === 3 && 'similarity' in predictions[0]));
    assert.ok(method !== 'centroid' || (records.some(({ unsure }) => unsure) && records.some(({ unsure }) => !unsure)));
    await same(['classify', '-m', model, '--classes', file, '-k2', '--threshold', '0.3', ...pictures]);
  }
  const wrong = await same(['classify', '-m', CIFAR, '--classes', join(folder, 'centroid.json'), PICTURE]);
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.stderr,
    /centroid\.json: the classes were taught with another model, tiny of SHA-256 [0-9a-f]{12}\.\.\.\n$/,
  );
  for (const text of [
    '',
    'hello',
    '{"a":1}',
    '{"format":"vit158-classes","format_version":1}',
    '{"format":"vit158-classes","format_version":2}',
  ]) {
    writeFileSync(join(folder, 'bad.json'), text);
    for (const [, command] of COMMANDS) {
      const { code, stderr } = await fed(command, ['classify', '--classes', join(folder, 'bad.json'), PICTURE]);
      assert.equal(code, 1);
      assert.match(stderr, /^vit158 classify: [^\n]*bad\.json: [^\n]+\n$/);
    }
  }
});

test('a model with metadata unsure', async () => {
  const bytes = readFileSync(CIFAR);
  const size = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + size));
  /** @param {string} value */
  const withUnsure = (value) => {
    const text = Buffer.from(JSON.stringify({ ...header, __metadata__: { ...header.__metadata__, unsure: value } }));
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(text.length));
    const path = join(folder, `unsure-${value}.safetensors`);
    writeFileSync(path, Buffer.concat([start, text, bytes.subarray(8 + size)]));
    return path;
  };
  for (const [value, unsure] of /** @type {[string, boolean][]} */ ([
    ['0.86', false],
    ['0.88', true],
    ['1', true],
    ['0', false],
  ])) {
    const path = withUnsure(value);
    const { stdout } = await same(['classify', '-m', path, PICTURE, '--json']);
    assert.equal(jsonLines(stdout)[0].unsure, unsure, value);
    const text = await same(['classify', '-m', path, PICTURE]);
    assert.equal(text.stdout.includes('looks like none of the classes'), unsure);
    for (const worker of [false, true]) {
      const vit = await Classifier.load(path, { worker });
      assert.equal((await vit.classify(PICTURE)).unsure, unsure);
      vit.dispose();
    }
  }
  for (const value of ['1.5', '-1', 'often'])
    assert.match((await same(['classify', '-m', withUnsure(value), PICTURE])).stderr, /metadata unsure is not/);
});

test('eval: classes, what they are taken for, and the wrong pictures', async () => {
  const root = join(folder, 'eval');
  for (const [label, names] of Object.entries({
    cat: ['cat', 'dog', 'ship'],
    dog: ['dog'],
    horse: ['frog', 'frog', 'cat'],
  })) {
    mkdirSync(join(root, label), { recursive: true });
    names.forEach((name, i) => cpSync(join(ROOT, `models/samples/${name}.jpg`), join(root, label, `${i},${name}.jpg`)));
  }
  const text = await same(['eval', '-m', CIFAR, root, '--confusion', '--wrong', join(folder, 'wrong.csv')]);
  assert.match(
    text.stdout,
    /^7 images, top-1 28\.57 %, top-5 [\d.]+ %, median [\d.]+ ms\n {3}33\.33 % of 3 {2}cat {2}\(taken for dog 1, ship 1\)\n {2}100\.00 % of 1 {2}dog\n {4}0\.00 % of 3 {2}horse {2}\(taken for frog 2, cat 1\)\n$/,
  );
  const csv = readFileSync(join(folder, 'wrong.csv'), 'utf8').split('\n');
  assert.deepEqual([csv[0], csv.length], ['file,class,predicted,score', 7]);
  assert.match(csv[1], /^"[^"]*1,dog\.jpg",cat,dog,0\.\d+$/);
  const { stdout } = await same([
    'eval',
    '-m',
    CIFAR,
    root,
    '--confusion',
    '--json',
    '--wrong',
    join(folder, 'wrong.json'),
  ]);
  const [record] = jsonLines(stdout);
  assert.deepEqual(record.classes[2], {
    label: 'horse',
    index: 7,
    images: 3,
    top1: 0,
    taken_for: [
      { label: 'frog', index: 6, images: 2 },
      { label: 'cat', index: 3, images: 1 },
    ],
  });
  const wrong = JSON.parse(readFileSync(join(folder, 'wrong.json'), 'utf8'));
  assert.deepEqual(
    wrong.map((/** @type {any} */ one) => one.predicted),
    ['dog', 'ship', 'frog', 'frog', 'cat'],
  );
  assert.deepEqual(Object.keys(wrong[0]), ['file', 'class', 'predicted', 'score']);
  assert.match(
    (await same(['eval', '-m', CIFAR, root, '--wrong', '/no/such/w.csv'])).stderr,
    /^vit158 eval: \/no\/such\/w\.csv: cannot be written: there is no such folder\n$/,
  );
});
