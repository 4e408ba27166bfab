// SPDX-License-Identifier: MIT
// record and verify: what is recorded holds in every engine; what differs is named, with the step
// where it starts; bad golden files, other models and images are one clear error; a file is
// written whole or not at all. Both commands write the same bytes and read each other's files.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { goldenText, record, verify } from '../../web/lib/golden.js';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT, jsonLines, nativeCommand, npmCommand, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const folder = temporaryFolder();
const IMAGES = join(ROOT, 'tests/data/images');
const PICTURES = ['baseline_420.jpg', 'rgb_8.png', 'grey.jpg'];
const golden = join(folder, 'golden.json');
const COMMANDS = { npm: npmCommand, native: nativeCommand };

mkdirSync(join(folder, 'pictures'));
for (const name of PICTURES) copyFileSync(join(IMAGES, name), join(folder, 'pictures', name));
copyFileSync(tinyPath('ternary-6'), join(folder, 'model.safetensors'));
const recorded = npmCommand(
  'record',
  join(folder, 'model.safetensors'),
  ...PICTURES.map((name) => join(folder, 'pictures', name)),
  '-o',
  golden,
);
assert.equal(recorded.code, 0, recorded.stderr);

/** A changed copy of the golden file, beside it. @param {(value: any) => void} change */
function changed(change) {
  const value = JSON.parse(readFileSync(golden, 'utf8'));
  change(value);
  const path = join(folder, 'changed.json');
  writeFileSync(path, JSON.stringify(value));
  return path;
}

/** @param {string} code @param {RegExp} message */
const error = (code, message) => (/** @type {any} */ e) => {
  assert.equal(e.code, code, e.stack);
  assert.match(e.message, message);
  return true;
};

test('the file: relative names, hashes, one line a picture', () => {
  const text = readFileSync(golden, 'utf8');
  assert.equal(text.trimEnd().split('\n').length, PICTURES.length + 2);
  const { pictures, ...head } = JSON.parse(text);
  assert.deepEqual(Object.keys(head), ['format', 'format_version', 'numerics_version', 'model']);
  assert.equal(head.model.file, 'model.safetensors');
  assert.deepEqual(
    pictures.map((/** @type {any} */ p) => p.file),
    PICTURES.map((name) => `pictures/${name}`),
  );
  assert.deepEqual(Object.keys(pictures[0]), ['file', 'sha256', 'top1', 'logits_sha256', 'steps', 'logits']);
  assert.deepEqual(Object.keys(pictures[0].steps), [
    'preprocess',
    'embed',
    'blocks.0.attn',
    'blocks.0.mlp',
    'blocks.1.attn',
    'blocks.1.mlp',
  ]);
  assert.equal(goldenText({ numerics_version: head.numerics_version, model: head.model, pictures }), text);
});

test('every engine gives what was recorded', async () => {
  for (const load of [{ engine: 'scalar' }, { threads: 2 }, { gemm: 'dot', threads: 1 }, { worker: true }]) {
    const report = await verify(golden, { load: /** @type {any} */ (load) });
    assert.deepEqual(
      report.pictures.map(({ ok, message }) => [ok, message]),
      PICTURES.map(() => [true, 'same']),
    );
    assert.equal(report.ok && report.same, PICTURES.length);
  }
  assert.equal((await verify(golden, { tolerance: 0 })).ok, true);
});

test("a classifier and pictures of the caller's, and progress", async () => {
  const vit = await Classifier.load(join(folder, 'model.safetensors'));
  const { model, ...content } = JSON.parse(readFileSync(golden, 'utf8'));
  /** @type {number[]} */
  const progress = [];
  const report = await verify(
    { ...content, model },
    {
      classifier: vit,
      modelSha256: model.sha256,
      read: (file) => readFileSync(join(folder, file)),
      onProgress: ({ done }) => progress.push(done),
    },
  );
  assert.equal(report.ok, true);
  assert.deepEqual(progress, [0, 1, 2, 3]);
  const again = await record(
    vit,
    model,
    PICTURES.map((name) => ({ file: `pictures/${name}`, source: join(folder, 'pictures', name) })),
  );
  assert.equal(goldenText(again), readFileSync(golden, 'utf8'));
  await assert.rejects(
    verify(golden, { classifier: vit, modelSha256: '0'.repeat(64) }),
    error('E_INPUT', /another model/),
  );
  await assert.rejects(verify(golden, { classifier: vit, signal: AbortSignal.abort() }), error('E_ABORT', /./));
  vit.dispose();
});

test('the first step that differs is named, and the top-1', async () => {
  const path = changed(({ pictures: [a, b] }) => {
    a.steps['blocks.1.attn'] = a.steps['blocks.0.mlp'];
    a.steps['blocks.1.mlp'] = a.steps['blocks.0.mlp'];
    b.steps.preprocess = b.steps.embed;
    b.top1 = { index: (b.top1.index + 1) % 7, label: 'other' };
  });
  const { ok, same, pictures } = await verify(path);
  assert.deepEqual([ok, same], [false, 1]);
  assert.deepEqual(
    pictures.map((p) => [p.ok, p.problem, p.firstDifference]),
    [
      [false, 'differs', 'blocks.1.attn'],
      [false, 'differs', 'preprocess'],
      [true, undefined, undefined],
    ],
  );
  assert.match(pictures[0].message, /^first difference in blocks\.1\.attn, logits differ by up to 0$/);
  assert.match(pictures[1].message, /, top-1 is .*\(\d\) instead of other \(\d\)$/);
});

/** Other weights with the golden file's model hash: what a broken kernel looks like. */
async function drifted() {
  const vit = await Classifier.load(tinyPath('ternary-6'));
  const runner = {
    info: () => vit.info(),
    classify: async (/** @type {any} */ image, /** @type {any} */ options) => {
      const found = await vit.classify(image, options);
      const logits = found.logits.map((x, i) => x + (i === 0 ? 0.0625 : 0));
      return { ...found, logits, logitsSha256: '0'.repeat(64) };
    },
  };
  return { runner, vit };
}

test('tolerance', async () => {
  const { runner, vit } = await drifted();
  const exact = await verify(golden, { classifier: runner });
  assert.equal(exact.same, 0);
  assert.equal(exact.pictures[0].firstDifference, 'head');
  assert.ok(Math.abs((exact.pictures[0].maxDifference ?? 0) - 0.0625) < 1e-6);
  assert.equal((await verify(golden, { classifier: runner, tolerance: 0.07 })).ok, true);
  const tight = await verify(golden, { classifier: runner, tolerance: 0.06 });
  assert.equal(tight.same, 0);
  assert.match(tight.pictures[0].message, /differ by up to 0\.0625, more than 0\.06$/);
  const numerics = { info: () => ({ ...vit.info(), numericsVersion: 99 }), classify: runner.classify };
  await assert.rejects(
    verify(golden, { classifier: numerics }),
    error('E_UNSUPPORTED', /numerics version \d+, this is 99/),
  );
  assert.equal((await verify(golden, { classifier: numerics, tolerance: 0.07 })).ok, true);
  for (const tolerance of [-1, NaN, Infinity])
    await assert.rejects(verify(golden, { tolerance }), error('E_ARGUMENT', /tolerance/));
  vit.dispose();
});

test('pictures that are missing, changed or damaged do not stop the others', async () => {
  const path = changed(({ pictures: [a, b] }) => {
    a.file = 'pictures/absent.jpg';
    b.file = 'pictures/grey.jpg';
  });
  const { pictures, same } = await verify(path);
  assert.equal(same, 1);
  assert.deepEqual(
    pictures.map(({ problem }) => problem),
    ['unreadable', 'changed', undefined],
  );
  assert.match(pictures[0].message, /absent\.jpg.*(no such file|ENOENT)/i);
  assert.match(pictures[1].message, /another image than the one recorded: its SHA-256 is [0-9a-f]{12}/);
});

/** @type {[string, (text: string) => string, string, RegExp][]} */
const BAD = [
  ['empty', () => '', 'E_FORMAT', /not a golden file/],
  ['another JSON file', () => '{"format": "other"}', 'E_FORMAT', /not a golden file/],
  ['an array', () => '[]', 'E_FORMAT', /not a golden file/],
  ['truncated', (text) => text.slice(0, 700), 'E_TRUNCATED', /ends before it should/],
  ['damaged', (text) => text.replace('"steps":{', '"steps":'), 'E_JSON', /not valid JSON|expected at byte \d+/],
  ['a later version', (text) => text.replace('"format_version":1', '"format_version":2'), 'E_UNSUPPORTED', /version 2/],
  ['no pictures', (text) => `${text.slice(0, text.indexOf('['))}[]}`, 'E_VALUE', /no pictures/],
  [
    'a short hash',
    (text) => text.replace(/("sha256":"\w{63})\w/, '$1'),
    'E_VALUE',
    /model is not|a SHA-256 .* is expected/,
  ],
  [
    'an edited logit',
    (text) => text.replace(/"logits":\[[^,]*/, '"logits":[1'),
    'E_VALUE',
    /logits and logits_sha256 disagree/,
  ],
  [
    'another numerics version',
    (text) => text.replace(/"numerics_version":\d+/, '"numerics_version":9999'),
    'E_UNSUPPORTED',
    /recorded with numerics version 9999/,
  ],
];
for (const [name, change, code, message] of BAD) {
  test(`golden file: ${name}`, async () => {
    const path = join(folder, 'bad.json');
    writeFileSync(path, change(readFileSync(golden, 'utf8')));
    await assert.rejects(verify(path), error(code, message));
    for (const command of Object.values(COMMANDS)) {
      const { code: exit, stderr, stdout } = command('verify', path);
      assert.equal(exit, 1);
      assert.equal(stdout, '');
      assert.match(stderr, /^vit158 verify: .*\n$/);
      assert.match(stderr, message);
    }
  });
}

test('cut anywhere: an error, never a pass', async () => {
  const text = readFileSync(golden, 'utf8');
  for (let n = 0; n < text.length - 2; n += 37)
    await assert.rejects(verify(new Blob([text.slice(0, n)])), (/** @type {any} */ e) => e.name === 'Vit158Error');
});

test('another model', async () => {
  await assert.rejects(
    verify(golden, { model: tinyPath('ternary-4') }),
    error('E_INPUT', /another model than the one recorded/),
  );
  for (const command of Object.values(COMMANDS)) {
    const { code, stderr } = command('verify', golden, '--model', tinyPath('ternary-4'));
    assert.equal(code, 1);
    assert.match(stderr, /^vit158 verify: .*another model/);
    const lost = command(
      'verify',
      changed(({ model }) => {
        model.file = 'nowhere/lost.safetensors';
      }),
    );
    assert.equal(lost.code, 1);
    assert.match(lost.stderr, /its model nowhere\/lost\.safetensors is not there: say where it is with --model/);
    const told = command('verify', join(folder, 'changed.json'), '--model', join(folder, 'model.safetensors'));
    assert.equal(told.code, 0, told.stderr);
  }
});

for (const [name, command] of Object.entries(COMMANDS))
  test(`the verify command: ${name}`, () => {
    const good = command('verify', golden);
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /^pictures\/baseline_420\.jpg: same\n(.*\n){2}3 of 3 images the same: model model, /);
    const path = changed(({ pictures }) => {
      pictures[1].steps.embed = pictures[1].sha256;
    });
    const bad = command('verify', path, '--json');
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /^vit158 verify: pictures\/rgb_8\.png: first difference in embed, .*\n$/);
    const [report] = jsonLines(bad.stdout);
    assert.deepEqual(Object.keys(report), [
      'golden',
      'ok',
      'same',
      'pictures',
      'tolerance',
      'results',
      'model',
      'engine',
      'numerics_version',
    ]);
    assert.deepEqual([report.ok, report.same, report.results[1].first_difference], [false, 2, 'embed']);
    assert.equal(command('verify', path, '--tolerance', '1e-6').code, 0);
    assert.equal(command('verify', golden, '--tolerance', '-1').code, 2);
    assert.equal(command('verify').code, 2);
  });

test('both commands say the same and write the same', () => {
  const path = changed(({ model, pictures: [a, b, c] }) => {
    model.file = join(folder, model.file); // absolute
    c.file = join(folder, c.file);
    a.steps['blocks.0.mlp'] = a.steps.embed;
    a.top1 = { index: (a.top1.index + 1) % 7, label: '' };
    b.sha256 = c.sha256;
  });
  for (const args of [
    ['verify', golden],
    ['verify', golden, '--json', '--engine', 'scalar'],
    ['verify', path],
    ['verify', path, '--json'],
    ['verify', path, '--tolerance', '0.5'],
    ['verify', path, '--tolerance=1e-7', '--json'],
    ['verify', golden, '--model', tinyPath('ternary-4')],
    ['verify', golden, '--tolerance', 'x'],
  ]) {
    const [npm, native] = Object.values(COMMANDS).map((command) => command(...args));
    // Natively the processor may have more than SIMD128; the bits are the same.
    const stdout = native.stdout.replace(/, avx2,|"engine":"avx2"/, (name) => name.replace('avx2', 'simd128'));
    assert.deepEqual(npm, { ...native, stdout }, args.join(' '));
  }
  const own = join(folder, 'native.json');
  const written = nativeCommand(
    'record',
    join(folder, 'model.safetensors'),
    ...PICTURES.map((name) => join(folder, 'pictures', name)),
    '-o',
    own,
  );
  assert.deepEqual(written.stdout.replaceAll('native.json', 'golden.json'), recorded.stdout);
  assert.equal(readFileSync(own, 'utf8'), readFileSync(golden, 'utf8'));
});

test('a logit that is -0', async () => {
  const vit = await Classifier.load(join(folder, 'model.safetensors'));
  const zero = new Float32Array([-0, 0]);
  const value = await record(
    {
      info: () => vit.info(),
      classify: async (image, options) => ({
        ...(await vit.classify(image, options)),
        logits: zero,
        predictions: [{ index: 1, label: '', score: 0.5 }],
        logitsSha256: createHash('sha256').update(new Uint8Array(zero.buffer)).digest('hex'),
      }),
    },
    JSON.parse(readFileSync(golden, 'utf8')).model,
    [{ file: 'pictures/grey.jpg', source: join(folder, 'pictures/grey.jpg') }],
  );
  const path = join(folder, 'zero.json');
  writeFileSync(path, goldenText(value));
  assert.match(readFileSync(path, 'utf8'), /"logits":\[-0,0\]/);
  for (const command of Object.values(COMMANDS))
    assert.match(command('verify', path).stderr, /grey\.jpg: 2 logits were recorded, the model has 7 classes/);
  vit.dispose();
});

for (const [name, command] of Object.entries(COMMANDS))
  test(`the record command writes all or nothing: ${name}`, () => {
    const model = join(folder, 'model.safetensors');
    const picture = join(folder, 'pictures/rgb_8.png');
    const out = join(folder, 'out');
    mkdirSync(out);
    const cases = [
      [model, picture, join(folder, 'absent.png'), '-o', join(out, 'a.json')],
      [model, picture, golden, '-o', join(out, 'a.json')],
      [join(folder, 'absent.safetensors'), picture, '-o', join(out, 'a.json')],
      [model, picture, '-o', join(out, 'no/folder/a.json')],
      [model, picture, '-o', out],
    ];
    for (const args of cases) {
      const { code, stdout, stderr } = command('record', ...args);
      assert.equal(code, 1, args.join(' '));
      assert.equal(stdout, '');
      assert.match(stderr, /^vit158 record: .*\n$/);
      assert.deepEqual(readdirSync(out), []);
    }
    assert.equal(command('record', model, picture).code, 2);
    assert.equal(command('record', model, '-o', join(out, 'a.json')).code, 2);
    writeFileSync(join(out, 'a.json'), 'older');
    assert.equal(command('record', model, join(folder, 'absent.png'), '-o', join(out, 'a.json')).code, 1);
    assert.equal(readFileSync(join(out, 'a.json'), 'utf8'), 'older');
    const { code, stdout } = command('record', model, picture, '-o', join(out, 'a.json'), '--json');
    assert.equal(code, 0);
    assert.deepEqual(readdirSync(out), ['a.json']);
    assert.equal(jsonLines(stdout)[0].pictures, 1);
    assert.equal(JSON.parse(readFileSync(join(out, 'a.json'), 'utf8')).pictures[0].file, '../pictures/rgb_8.png');
    rmSync(out, { recursive: true });
  });

for (const { name, golden } of JSON.parse(readFileSync(join(ROOT, 'models/manifest.json'), 'utf8')).models) {
  if (!golden) continue;
  test(`${name}: the committed golden file is what the model gives for its samples`, () => {
    const path = join(ROOT, 'models', golden);
    const pictures = readdirSync(dirname(path)).filter((file) => /\.(jpg|png)$/.test(file)).length;
    assert.ok(pictures >= 6);
    assert.ok(JSON.parse(readFileSync(path, 'utf8')).model.file.endsWith(`/${name}.safetensors`));
    for (const command of Object.values(COMMANDS)) {
      const { code, stdout, stderr } = command('verify', path);
      assert.equal(code, 0, `${stderr}\nis the model another one? then \`npm run golden\` (default), or record`);
      assert.match(stdout, new RegExp(`${pictures} of ${pictures} images the same`));
    }
  });
}

test('the models of the manifest that are shown with samples have a golden file', () => {
  const { models } = JSON.parse(readFileSync(join(ROOT, 'models/manifest.json'), 'utf8'));
  for (const { name, samples, golden } of models) assert.equal(golden, samples?.replace(/[^/]*$/, 'golden.json'), name);
});
