// SPDX-License-Identifier: MIT
// 250 photographs as JPEGs of every sampling, progressive and with restarts: at most 4 levels from
// Pillow anywhere. tests/golden/check_jpeg_photos.py writes and compares them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, run, sharedFiles } from '../node/shared.mjs';

const { skip, files } = sharedFiles('data/imagenet-calib-250.tar');

test('photographs in nine kinds of JPEG', { skip }, (t) => {
  for (const step of [
    ['--preset', 'native'],
    ['--build', '--preset', 'native', '--target', 'test_image_decode'],
  ])
    assert.equal(run('cmake', step).code, 0);
  const script = join(ROOT, 'tests/golden/check_jpeg_photos.py');
  const { code, stdout, stderr } = run('/usr/bin/python3', [
    script,
    join(ROOT, 'build/native/test_image_decode'),
    files[0],
  ]);
  t.diagnostic(stdout);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.match(/^250 pictures as /gm)?.length, 9);
});
