// SPDX-License-Identifier: MIT
// The native and the npm command say the same, word for word and with the same exit code, of wrong usage, of files that
// cannot be read or written, and of words that are misspelt. (Pictures and lists: classify_lists.test.mjs.)
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, TINY, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const cwd = temporaryFolder();
const PICTURE = 'a.jpg';
const MODEL = ['-m', tinyPath('ternary-6')];
const LATENT = join(TINY, 'latent-6.safetensors');
const SOURCE = join(ROOT, 'tests/data/import/hf4');
copyFileSync(join(ROOT, 'tests/data/images/baseline_420.jpg'), join(cwd, PICTURE));
copyFileSync(tinyPath('ternary-6'), join(cwd, 'm.safetensors'));
mkdirSync(join(cwd, 'folder'));
mkdirSync(join(cwd, 'images/0'), { recursive: true });
copyFileSync(join(cwd, PICTURE), join(cwd, 'images/0/a.jpg'));
writeFileSync(join(cwd, 'text'), 'Access denied\n');
writeFileSync(join(cwd, 'json'), '{"format":"vit158-classes"');
writeFileSync(join(cwd, 'empty'), '');
symlinkSync('circle', join(cwd, 'circle'));

/** @type {Record<string, string[][]>} */
const CALLS = {
  'commands that there are not': [
    ...[['evl'], ['clasify'], ['CLASSIFY'], ['Version'], ['helpp'], ['xyzzy'], [''], ['-x'], ['--hlp']],
    ...[
      ['help', 'evl'],
      ['help', 'xyzzy'],
    ],
  ],
  'help on each': ['classify', 'eval', 'import', 'completion', 'record', 'verify'].map((name) => ['help', name]),
  completion: [['completion'], ['completion', 'bash'], ['completion', 'zsh'], ['completion', 'fish']],
  'too few and too many': [
    ...[['classify'], ['eval'], ['inspect'], ['pack'], ['import'], ['record'], ['verify']],
    ...[['inspect', 'a', 'b'], ['pack', 'a', 'b'], ['info', 'a'], ['verify', 'a', 'b'], ['eval']],
    ...[
      ['pack', 'a'],
      ['import', 'a'],
      ['record', 'a', 'b'],
      ['pack', 'a', '-o'],
      ['pack', 'a', '--int8', '--float', '-ox'],
    ],
  ],
  options: [
    ...['--topk=3', '--top_k', '--treshold=1', '--keep-goin', '-j', '--json=1', '-k', '-k0', '-kx', '-k1.5', '-k-1'],
    ...['--top-k=', '--threshold', '--threshold=2', '--threshold=nan', '--workers=0', '--workers=65', '--engine=x'],
    ...['--gemm=x', '--merge=x', '--merge=', '--classes=none', '--classes=text', '--classes=folder', '--files-from=x'],
    ...['-mnone', '-m.', '-mtext', '-mempty', '-mcircle', '-m/dev/null'],
  ].map((option) => ['classify', ...MODEL, option, PICTURE]),
  'paths of images': [
    ...['none', 'folder', 'circle', 'text', 'empty', 'text/x', '', '*.jpg', 'x'.repeat(300), 'ftp://x/y'],
  ].map((path) => ['classify', ...MODEL, '--', path]),
  'lists of paths': ['none', 'folder', 'empty', 'text', 'circle'].map((path) => [
    'classify',
    ...MODEL,
    '--files-from',
    path,
  ]),
  'files to read': ['none', 'folder', 'text', 'json', 'empty', 'circle', PICTURE].flatMap((path) => [
    ['inspect', path],
    ['info', '-m', path],
    ['verify', path],
    ['pack', path, '-o', 'out'],
    ['eval', ...MODEL, path],
  ]),
  devices: [
    ['inspect', '/dev/null'],
    ['info', '-m', '/dev/null'],
    ['verify', '/dev/null'],
    ['eval', ...MODEL, '/dev/null'],
  ],
  'files to write': ['none/x', 'folder', 'text/x', 'circle'].flatMap((path) => [
    ['pack', LATENT, '-o', path],
    ['import', SOURCE, '-o', path],
    ['record', 'm.safetensors', PICTURE, '-o', path],
    ['eval', ...MODEL, 'images', '--wrong', `${path}.csv`],
  ]),
  'what was done': [
    ['pack', LATENT, '-o', 'packed'],
    ['record', 'm.safetensors', PICTURE, '-o', 'golden.json'],
    ['record', 'm.safetensors', PICTURE, 'images/0/a.jpg', '-o', 'golden.json', '--json'],
    ['verify', 'golden.json'],
    ['eval', ...MODEL, 'images', '--wrong', 'wrong.txt'],
  ],
};

/** Without times and kernels. @param {string} command @param {string[]} args */
function run(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', input: '' });
  return { status, stdout: stdout.replace(/median [\d.]+ ms|, (simd128|avx2),/g, ''), stderr };
}

for (const [name, calls] of Object.entries(CALLS)) {
  test(name, () => {
    for (const args of calls) {
      const native = run(join(ROOT, 'build/native/vit158'), ...args);
      const npm = run(process.execPath, join(ROOT, 'web/cli.mjs'), ...args);
      assert.deepEqual(npm, native, args.join(' '));
      assert.doesNotMatch(npm.stderr, /ENOENT|EISDIR|ELOOP|\bat file:|node:internal/, args.join(' '));
    }
  });
}
