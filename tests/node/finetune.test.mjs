// SPDX-License-Identifier: MIT
// `vit158 finetune` as a command: a folder of patterns and a packed model become a ternary model that knows the patterns,
// also in the engine; what was complete is not done again; mistakes are said.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { crc32, zipParts } from '../../web/app/zip_write.js';
import { ROOT } from '../setup.mjs';
import { writePng } from './png.mjs';

/**
 * An archive whose entries are deflated, as most programs write them.
 * @param {import('../../web/app/zip_write.js').ZipFile[]} files
 */
function deflated(files) {
  const packed = files.map(({ name, bytes }) => ({ name, bytes: new Uint8Array(deflateRawSync(bytes)) }));
  const zip = Buffer.concat(zipParts(packed));
  let [local, entry] = [0, tableOf(zip)];
  for (const [i, { bytes }] of files.entries()) {
    for (const at of [local + 8, entry + 10]) {
      zip.writeUInt16LE(8, at); // method
      zip.writeUInt32LE(crc32(bytes), at + 6);
      zip.writeUInt32LE(bytes.length, at + 14);
    }
    local += 30 + zip.readUInt16LE(local + 26) + packed[i].bytes.length;
    entry += 46 + zip.readUInt16LE(entry + 28);
  }
  return zip;
}

const FOLDER = mkdtempSync(join(tmpdir(), 'vit158-finetune-'));
const BASE = join(ROOT, 'models/fashion-mnist.safetensors');
const SIDE = 28;
/** Brightness at a point; a mirror leaves each class what it is. @type {Record<string, (x: number, y: number, phase: number) => number>} */
const PATTERNS = {
  across: (_x, y, phase) => Math.sin(0.8 * y + phase),
  down: (x, _y, phase) => Math.sin(0.8 * x + phase),
  lattice: (x, y, phase) => Math.sin(0.57 * (x + y) + phase) * Math.sin(0.57 * (x - y)),
  plaid: (x, y, phase) => Math.sin(0.8 * x + phase) * Math.sin(0.8 * y),
};
const CLASSES = Object.keys(PATTERNS);
after(() => rmSync(FOLDER, { recursive: true }));

/** @param {...string} args */
const run = (...args) => spawnSync(join(ROOT, 'build/native/vit158'), args, { encoding: 'utf8', cwd: FOLDER });

/** `count` images a class: its pattern under noise. @param {string} to @param {number} count @param {number} seed */
function writeImages(to, count, seed) {
  let noise = seed;
  const random = () => (noise = (noise * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  for (const [name, pattern] of Object.entries(PATTERNS)) {
    mkdirSync(join(FOLDER, to, name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const data = new Uint8Array(3 * SIDE * SIDE);
      const phase = 6.28 * random();
      for (let p = 0; p < SIDE * SIDE; p++) {
        const wave = pattern(p % SIDE, Math.floor(p / SIDE), phase);
        data.fill(Math.max(0, Math.min(255, 128 + 70 * wave + 250 * (random() - 0.5))), 3 * p, 3 * p + 3);
      }
      writeFileSync(join(FOLDER, to, name, `${i}.png`), writePng({ data, width: SIDE, height: SIDE }));
    }
  }
}

/** Best validation accuracy in a stage's log. @param {string} stage */
const best = (stage) =>
  Math.max(
    ...readFileSync(join(FOLDER, `stripes.safetensors.run/${stage}/log.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'eval')
      .map(({ val_accuracy }) => val_accuracy),
  );

test('a folder becomes a ternary model', () => {
  writeImages('photos/train', 150, 1);
  writeImages('photos/validation', 40, 2);
  rmSync(join(FOLDER, 'photos/validation/down'), { recursive: true }); // a validation folder may lack classes
  const twice = join(FOLDER, 'photos/validation/across/0.png');
  copyFileSync(join(FOLDER, 'photos/train/across/7.png'), twice);
  const done = run(
    'finetune',
    'photos',
    '--base',
    BASE,
    '-o',
    'stripes.safetensors',
    '--clock',
    'processor',
    '--minutes',
    '0.08',
  );
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /600 images of 4 classes: from 150 \(across\) to 150 \(across\); 120 images of 3 classes/);
  assert.match(done.stdout, /same image twice: .*train\/across\/7\.png and .*validation\/across\/0\.png/);
  assert.match(done.stdout, /starts from .*fashion-mnist.safetensors: \d+ blocks taken; a new head for other classes/);
  assert.match(done.stdout, /540 images embedded 2 times/);
  assert.match(done.stdout, /teacher: \d+/);
  const [head, float, ternary] = ['head', 'float', 'ternary'].map(best);
  assert.ok(head > 0.4, `head alone: ${head}`); // chance is 0.25
  assert.ok(float >= head, `head ${head}, float ${float}`); // where it starts is one of its candidates
  assert.ok(ternary > 0.5, `ternary: ${ternary}`);
});

test('the engine finds what the card says', () => {
  const { status, stdout, stderr } = run('eval', 'photos/validation', '--model', 'stripes.safetensors', '--json');
  assert.equal(status, 0, stderr);
  const { top1, images } = JSON.parse(stdout);
  assert.equal(images, 120);
  const card = readFileSync(join(FOLDER, 'stripes.md'), 'utf8');
  const [, right, count] = card.match(/validation folder[^|]*\| (\d+) of (\d+) /) ?? [];
  assert.equal(Number(count), 120);
  assert.equal(Number(right), Math.round(top1 * 120));
  assert.match(card, /every tenth of training, held out \| \d+ of 60 /);
  assert.match(card, /vit158 finetune photos --base/);
  const unsure = Number(JSON.parse(run('info', '--model', 'stripes.safetensors', '--json').stdout).metadata?.unsure);
  assert.match(card, new RegExp(`\`unsure\` is ${unsure.toFixed(2)}`));
  assert.match(readFileSync(join(FOLDER, 'stripes.svg'), 'utf8'), /^<svg/);
  assert.equal(run('verify', 'stripes.golden.json').status, 0);
});

test('a handful of held-out images gives no threshold', () => {
  writeImages('few', 10, 4);
  const done = run('finetune', 'few', '--base', BASE, '-o', 'few.safetensors', '--size', '28', '--minutes', '0.02');
  assert.equal(done.status, 0, done.stderr);
  assert.match(readFileSync(join(FOLDER, 'few.md'), 'utf8'), /No `unsure` threshold/);
  const { metadata } = JSON.parse(run('info', '--model', 'few.safetensors', '--json').stdout);
  assert.equal(metadata.format, 'vit158');
  assert.ok(!('unsure' in metadata));
});

for (const stage of ['float', 'ternary'])
  test(`a signal in the ${stage} stage ends it with a checkpoint`, async () => {
    const out = `stopped-${stage}.safetensors`;
    const options = ['--size', '28', '--minutes', stage === 'float' ? '5' : '0.2', '--clock', 'processor'];
    const child = spawn(
      join(ROOT, 'build/native/vit158'),
      ['finetune', 'photos', '--base', BASE, '-o', out, ...options],
      {
        cwd: FOLDER,
      },
    );
    let [stdout, stderr] = ['', ''];
    child.stderr.on('data', (text) => (stderr += text));
    child.stdout.on('data', (text) => {
      stdout += text;
      if (!child.killed && stdout.includes(`\n${stage}: `)) child.kill('SIGTERM'); // a second one ends it at once
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 1, stdout + stderr);
    assert.match(stderr, /stopped; the same command goes on from stopped-/);
    assert.ok(existsSync(join(FOLDER, `${out}.run/${stage}/last.ckpt`)), stdout);
    assert.ok(!existsSync(join(FOLDER, out)));
  });

test('what is complete is not done again', () => {
  const log = join(FOLDER, 'stripes.safetensors.run/ternary/log.jsonl');
  const before = readFileSync(log, 'utf8');
  const again = run(
    'finetune',
    'photos',
    '--base',
    BASE,
    '-o',
    'again.safetensors',
    '--work',
    'stripes.safetensors.run',
  );
  assert.equal(again.status, 0, again.stderr);
  assert.equal(readFileSync(log, 'utf8'), before);
  assert.deepEqual(readFileSync(join(FOLDER, 'again.safetensors')), readFileSync(join(FOLDER, 'stripes.safetensors')));
});

test('the float network can be rounded to more rows or bytes instead', () => {
  const sizes = ['rows:2', 'int8'].map((weights) => {
    const out = `${weights.replace(':', '')}.safetensors`;
    const done = run(
      'finetune',
      'photos',
      '--base',
      BASE,
      '-o',
      out,
      '--weights',
      weights,
      '--work',
      'stripes.safetensors.run',
    );
    assert.equal(done.status, 0, done.stderr);
    return statSync(join(FOLDER, out)).size;
  });
  assert.ok(sizes[0] < sizes[1], `${sizes}`);
});

/** Where entries begin in the archive's table. @param {Buffer} zip */
const tableOf = (zip) => zip.readUInt32LE(zip.length - 6);

test('deterministic runs make the same model, with any number of threads', () => {
  writeImages('few', 12, 8);
  const [one, ...others] = ['1', '2', '4'].map((threads) => {
    const name = `on${threads}`;
    const args = [
      'finetune',
      'few',
      '--base',
      BASE,
      '-o',
      `${name}.safetensors`,
      '--minutes',
      '0.01',
      '--deterministic',
      '--threads',
      threads,
    ];
    const { status, stdout, stderr } = run(...args);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /float: [\d.]+ epochs at 28 x 28 pixels/);
    return readFileSync(join(FOLDER, `${name}.safetensors`));
  });
  for (const other of others) assert.deepEqual(other, one);
});

test('an archive of class folders is unpacked once, and learned from like a folder', () => {
  const files = CLASSES.flatMap((name) =>
    [0, 1, 2, 3, 4, 5].map((i) => ({
      name: `mine/${name}/${i}.png`,
      bytes: new Uint8Array(readFileSync(join(FOLDER, `photos/train/${name}/${i}.png`))),
    })),
  );
  const others = ['mine/notes.txt', '__MACOSX/mine/down/._0.png'].map((name) => ({ name, bytes: new Uint8Array(3) }));
  const stored = Buffer.concat(zipParts([...files, ...others]));
  writeFileSync(join(FOLDER, 'stored.zip'), stored);
  writeFileSync(join(FOLDER, 'deflated.zip'), deflated([...files, ...others]));
  for (const zip of ['stored.zip', 'deflated.zip']) {
    const work = `${zip}.run`;
    const args = ['finetune', zip, '--base', BASE, '-o', 'zip.safetensors', '--work', work, '--minutes', '0.01'];
    const { status, stdout, stderr } = run(...args);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /24 images of 4 classes: from 6 \(across\)/);
    for (const { name, bytes } of files)
      assert.deepEqual(
        new Uint8Array(readFileSync(join(FOLDER, work, 'unpacked', name.replace('mine/', '')))),
        bytes,
        name,
      );
    assert.equal(readdirSync(join(FOLDER, work, 'unpacked')).length, CLASSES.length + 1);
  }
  const { status, stderr } = run('finetune', 'deflated.zip', '--base', BASE, '-o', 'z', '--work', 'stored.zip.run');
  assert.equal(status, 1);
  assert.match(stderr, /holds the images of another archive: name another folder with --work/);
});

test('an archive that is damaged, leads elsewhere or has no images is refused by name', () => {
  const bytes = new Uint8Array(readFileSync(join(FOLDER, 'photos/train/down/0.png')));
  const whole = Buffer.concat(zipParts([{ name: 'down/0.png', bytes }]));
  /** @param {(zip: Buffer) => void} change */
  const changed = (change) => {
    const zip = Buffer.from(whole);
    change(zip);
    return zip;
  };
  for (const [zip, message] of /** @type {[Buffer, RegExp][]} */ ([
    [Buffer.concat(zipParts([{ name: '../down/0.png', bytes }])), /no path below the archive's folder/],
    [Buffer.concat(zipParts([{ name: '/down/0.png', bytes }])), /no path below the archive's folder/],
    [Buffer.concat(zipParts([{ name: 'a/../../0.png', bytes }])), /no path below the archive's folder/],
    [Buffer.concat(zipParts([{ name: 'notes.txt', bytes }])), /has no images/],
    [changed((one) => one.writeUInt8(one[60] ^ 1, 60)), /down\/0\.png is damaged; zip the folder again/],
    [changed((one) => one.writeUInt16LE(12, tableOf(one) + 10)), /compressed by method 12/],
    [changed((one) => one.writeUInt16LE(1, tableOf(one) + 8)), /encrypted/],
    [whole.subarray(0, whole.length - 30), /cut off/],
  ])) {
    writeFileSync(join(FOLDER, 'bad.zip'), zip);
    rmSync(join(FOLDER, 'bad.run'), { recursive: true, force: true });
    const { status, stderr } = run('finetune', 'bad.zip', '--base', BASE, '-o', 'bad.safetensors', '--work', 'bad.run');
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.match(stderr, /^vit158 finetune: bad\.zip[^\n]*\n$/);
  }
  assert.ok(!existsSync(join(FOLDER, 'bad.safetensors')));
});

test('mistakes are said', () => {
  assert.equal(run('finetune', 'photos', '--base', BASE).status, 2);
  assert.equal(run('finetune', 'photos', '-o', 'x', '--weights', 'rows:9').status, 2);
  assert.equal(run('finetune', 'photos', '-o', 'x', '--base', BASE, '--from-scratch').status, 2);
  writeImages('one', 2, 3);
  for (const name of CLASSES.slice(1)) rmSync(join(FOLDER, 'one', name), { recursive: true });
  writeImages('strange/train', 12, 3);
  writeImages('strange/val', 2, 4);
  renameSync(join(FOLDER, 'strange/val/down'), join(FOLDER, 'strange/val/upwards'));
  for (const [args, message] of /** @type {[string[], RegExp][]} */ ([
    [['absent', '--base', BASE], /absent/],
    [['photos', '--base', 'absent.safetensors'], /absent\.safetensors/],
    [['one', '--base', BASE], /1 class folders, at least 2 are needed/],
    [['strange', '--base', BASE], /strange\/val: it has the class "upwards", which the training images have not/],
  ])) {
    const { status, stderr } = run('finetune', ...args, '-o', 'none.safetensors', '--minutes', '0.05');
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.match(stderr, /^vit158 finetune: [^\n]*\n$/);
  }
  assert.ok(!existsSync(join(FOLDER, 'none.safetensors')));
});

test('damaged files are named, each of them, before anything is learned', () => {
  writeImages('damaged', 12, 5);
  writeFileSync(join(FOLDER, 'damaged/down/3.png'), 'no image');
  writeFileSync(join(FOLDER, 'damaged/plaid/5.png'), readFileSync(join(FOLDER, 'damaged/plaid/5.png')).subarray(0, 60));
  const { status, stderr } = run('finetune', 'damaged', '--base', BASE, '-o', 'none.safetensors');
  assert.equal(status, 1);
  assert.match(stderr, /damaged\/down\/3\.png/);
  assert.match(stderr, /damaged\/plaid\/5\.png/);
  assert.match(stderr, /2 files cannot be learned from/);
});

test('a folder of work is of one folder of images', () => {
  writeImages('others', 12, 6);
  const { status, stderr } = run(
    'finetune',
    'others',
    '--base',
    BASE,
    '-o',
    'others.safetensors',
    '--work',
    'stripes.safetensors.run',
  );
  assert.equal(status, 1);
  assert.match(stderr, /stripes\.safetensors\.run holds a run on photos\/train at 28 pixels/);
});

test('without the default model it is said how to get one', () => {
  const { status, stderr } = spawnSync(
    join(ROOT, 'build/native/vit158'),
    ['finetune', 'photos', '-o', 'x.safetensors'],
    {
      encoding: 'utf8',
      cwd: FOLDER,
      env: { ...process.env, VIT158_MODELS: FOLDER },
    },
  );
  assert.equal(status, 1);
  assert.match(stderr, /--base FILE .*vit158 import.*--from-scratch/);
});
