// SPDX-License-Identifier: MIT
// `vit158 import`, natively and from npm: the same words, the same bytes, PyTorch's logits, from small models; the real
// ViT-Ti is in tests/proof/import_layouts.test.mjs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { NATIVE, ROOT, temporaryFolder } from './shared.mjs';

const DATA = join(ROOT, 'tests/data/import');
const FOLDERS = ['hf4', 'hf5', 'hf4-sharded', 'hf4-bin', 'timm', 'timm-wrapper'];
const FILES = [
  'bare-timm.safetensors',
  'bare-f64.safetensors',
  'torchvision.safetensors',
  'plain.pth',
  'model-key.pth',
  'state-dict-module.pth',
];

const scratch = temporaryFolder();

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: scratch });
  return { status, stdout, stderr };
}
/** @param {...string} args */
const native = (...args) => run(NATIVE, ['import', ...args]);
/** @param {...string} args */
const npm = (...args) => run(process.execPath, [join(ROOT, 'web/cli.mjs'), 'import', ...args]);

test('every layout: both commands say the same, write the same bytes and give the logits of PyTorch', () => {
  for (const source of [...FOLDERS, ...FILES]) {
    const args = [
      join(DATA, source),
      '-o',
      'out.safetensors',
      '--weights',
      'f32',
      '--verify',
      join(DATA, 'verify.safetensors'),
      ...(FILES.includes(source) ? ['--heads', '2'] : []),
    ];
    const ours = native(...args);
    const bytes = readFileSync(join(scratch, 'out.safetensors'));
    const theirs = npm(...args);
    assert.equal(ours.status, 0, ours.stderr);
    assert.equal(theirs.status, 0, theirs.stderr);
    assert.match(ours.stdout, /: passed\n$/);
    const words = (/** @type {string} */ text) => text.split('verify:')[0];
    assert.equal(words(theirs.stdout), words(ours.stdout));
    assert.ok(bytes.equals(readFileSync(join(scratch, 'out.safetensors'))), source);
  }
});

test('what stands before all names is taken off, whatever it is', () => {
  const source = readFileSync(join(DATA, 'bare-timm.safetensors'));
  const start = Number(source.readBigUInt64LE()) + 8;
  const header = JSON.parse(source.subarray(8, start).toString());
  const data = source.subarray(start);
  const plain = native(join(DATA, 'bare-timm.safetensors'), '-o', 'plain.safetensors', '--heads', '2');
  assert.equal(plain.status, 0, plain.stderr);
  for (const before of ['backbone.', 'module.model.', 'student.backbone.', 'x.y.z.']) {
    const named = Object.entries(header).map(([name, entry]) => [
      name === '__metadata__' ? name : before + name,
      entry,
    ]);
    const json = Buffer.from(JSON.stringify(Object.fromEntries(named)));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    writeFileSync(join(scratch, 'wrapped.safetensors'), Buffer.concat([length, json, data]));
    const args = ['wrapped.safetensors', '-o', 'out.safetensors', '--heads', '2'];
    for (const command of [native, npm]) {
      const { status, stdout, stderr } = command(...args);
      assert.equal(status, 0, stderr);
      assert.ok(stdout.includes(`names of timm (${before} taken off)`), stdout);
      const tensorsOf = (/** @type {string} */ file) => {
        const bytes = readFileSync(join(scratch, file));
        return bytes.subarray(Number(bytes.readBigUInt64LE()) + 8);
      };
      assert.ok(tensorsOf('out.safetensors').equals(tensorsOf('plain.safetensors')), before);
    }
  }
});

test('int8 and F16 are smaller, and top-1 decides', () => {
  for (const weights of ['f16', 'i8']) {
    const { status, stdout } = npm(
      join(DATA, 'timm'),
      '-o',
      'out.safetensors',
      '--weights',
      weights,
      '--verify',
      join(DATA, 'verify.safetensors'),
    );
    assert.equal(status, 0);
    assert.match(stdout, /top-1 equal in 3: passed/);
  }
});

test('a model with other heads fails to verify, with exit code 1', () => {
  for (const command of [native, npm]) {
    const { status, stdout } = command(
      join(DATA, 'plain.pth'),
      '-o',
      'out.safetensors',
      '--weights',
      'f32',
      '--heads',
      '4',
      '--verify',
      join(DATA, 'verify.safetensors'),
    );
    assert.match(stdout, /FAILED\n$/);
    assert.equal(status, 1);
  }
});

test('labels, metadata and size', () => {
  writeFileSync(join(scratch, 'labels.txt'), 'a\nb "c"\nd\ne\nf\n');
  writeFileSync(join(scratch, 'metadata.json'), '{"mean":"0.1,0.2,0.3","std":"1,1,1","license":"MIT"}');
  const args = [
    join(DATA, 'bare-timm.safetensors'),
    '-o',
    'out.safetensors',
    '--heads',
    '2',
    '--size',
    '24',
    '--labels',
    'labels.txt',
    '--metadata',
    'metadata.json',
  ];
  const ours = native(...args);
  assert.match(ours.stdout, /labels for 5 classes/);
  assert.match(ours.stdout, /positions resized from 4 x 4 to 6 x 6/);
  assert.match(ours.stdout, /mean 0.1,0.2,0.3, std 1,1,1 \(as the metadata say\)/);
  assert.equal(npm(...args).stdout, ours.stdout);
});

test('both commands refuse in the same words and write nothing', () => {
  writeFileSync(join(scratch, 'pointer'), 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n');
  for (const [source, words] of [
    ['pointer', /is a Git LFS pointer, not the file itself: run git lfs pull/],
    [join(DATA, 'plain.pth'), /the number of heads cannot be seen in a file.*--heads N/],
    [join(DATA, 'hf4/model.safetensors'), /has Hugging Face's names.*give the folder/],
    [join(DATA, 'hf5/config.json'), /is JSON text/],
    ['absent', /there is no such file/],
  ]) {
    for (const command of [native, npm]) {
      const { status, stderr } = command(/** @type {string} */ (source), '-o', 'refused.safetensors');
      assert.equal(status, 1);
      assert.match(stderr, /** @type {RegExp} */ (words));
      assert.equal(stderr.split('\n').length, 2, stderr);
    }
  }
  assert.ok(!existsSync(join(scratch, 'refused.safetensors')));
});

test('the commands of web/IMPORT.md, and what they print', () => {
  const chapter = readFileSync(join(ROOT, 'web/IMPORT.md'), 'utf8');
  const blocks = [...chapter.matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  const block = (/** @type {string} */ kind) => blocks.find((match) => match[1] === kind)?.[2] ?? '';
  for (const [from, to] of [
    ['hf4', 'hugging-face'],
    ['timm', 'timm'],
    ['bare-timm.safetensors', 'vit.safetensors'],
    ['plain.pth', 'checkpoint.pth'],
    ['verify.safetensors', 'verify.safetensors'],
  ])
    cpSync(join(DATA, from), join(scratch, to), { recursive: true });
  writeFileSync(join(scratch, 'labels.txt'), 'ant\nbee\ncat\ndog\neel\n');
  writeFileSync(join(scratch, 'metadata.json'), '{"license":"CC-BY-4.0"}');
  const commands = blocks.filter((match) => match[1] === 'sh');
  assert.ok(commands.length >= 5);
  for (const match of commands) {
    const [npx, vit158, command, ...args] = match[2].trim().split(' ');
    assert.deepEqual([npx, vit158, command], ['npx', 'vit158', 'import']);
    const { status, stdout, stderr } = npm(...args);
    assert.equal(status, 0, `${match[2]}: ${stderr}`);
    assert.equal(stdout, blocks[blocks.indexOf(match) + 1][2], match[2]);
  }
  writeFileSync(
    join(scratch, 'script.py'),
    `${block('python')}\nwrite_verify(torch.nn.Flatten(), torch.ones(2, 3, 16, 16))\n`,
  );
  const python = run('/usr/bin/python3', ['script.py']);
  assert.equal(python.status, 0, python.stderr);
  for (const command of [native, npm])
    assert.match(
      command('timm', '-o', 'out.safetensors', '--verify', 'verify.safetensors').stderr,
      /logits must have the shape \[2, 5\]/,
    );
});

test('files that verify nothing: both commands refuse them in the same words', () => {
  const good = readFileSync(join(DATA, 'verify.safetensors'));
  const header = 8 + Number(good.readBigUInt64LE());
  const renamed = Buffer.from(good);
  renamed.write('"logitz"', good.indexOf('"logits"'));
  const infinite = Buffer.from(good);
  infinite.writeFloatLE(Infinity, header);
  for (const [bytes, words] of /** @type {[Buffer, RegExp][]} */ ([
    [good.subarray(0, 7), /only 7 bytes long/],
    [good.subarray(0, header - 1), /ends inside its header/],
    [good.subarray(0, -4), /4 of \d+ bytes of data are missing/],
    [Buffer.from('not a safetensors file'), /not a safetensors file/],
    [renamed, /there is no tensor logits in it/],
    [infinite, /not finite/],
  ])) {
    writeFileSync(join(scratch, 'bad.safetensors'), bytes);
    const said = [native, npm].map((command) =>
      command(join(DATA, 'timm'), '-o', 'out.safetensors', '--verify', 'bad.safetensors'),
    );
    for (const { status, stderr } of said) {
      assert.equal(status, 1);
      assert.match(stderr, words);
    }
    assert.equal(said[1].stderr, said[0].stderr);
  }
});
