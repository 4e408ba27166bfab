// SPDX-License-Identifier: MIT
// web/TUTORIAL.md, line by line, with photos of fruit where the shared folder has them, else with drawn ones: in the end
// there is a page that a browser opens from the disk, and that says what the commands say. Its 30 minutes of training
// are four of processor time here.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { answered, launch, text } from '../browser/harness.mjs';
import { writePng } from '../node/png.mjs';
import { ROOT, sharedFiles, temporaryFolder, unpacked } from '../node/shared.mjs';

const COUNT = 24;
const folder = temporaryFolder();

/** Discs of a colour of their own on gray. @param {string} kind @param {number} n @returns {Buffer} */
function drawn(kind, n) {
  const side = 96;
  const data = new Uint8Array(side * side * 3).fill(120 + n);
  const colour = kind === 'apple' ? [190, 30 + n, 40] : [150 + n, 180, 60];
  for (let p = 0; p < side * side; p++) {
    const [x, y] = [(p % side) - 48 + n - 12, Math.floor(p / side) - 48];
    if (x * x + y * y < 900) data.set(colour, 3 * p);
  }
  return writePng({ data, width: side, height: side });
}

/** photos/apple and photos/pear */
function writePhotos() {
  const { skip, files } = sharedFiles('data/grocery.tar');
  const sources = /** @type {const} */ ([
    ['apple', 'Granny-Smith'],
    ['pear', 'Conference'],
  ]);
  for (const [kind, source] of sources) {
    const to = join(folder, 'photos', kind);
    mkdirSync(to, { recursive: true });
    const from = skip ? '' : join(unpacked(files[0], 'grocery/train'), source);
    const photos = from ? readdirSync(from).sort().slice(0, COUNT) : [];
    photos.forEach((name, n) => copyFileSync(join(from, name), join(to, `${n}.jpg`)));
    for (let n = photos.length; n < COUNT && skip; n++) writeFileSync(join(to, `${n}.jpg`), drawn(kind, n));
  }
}

/** Both commands by the names of the tutorial. @param {string} line */
function inShell(line) {
  const script = `vit158() { '${ROOT}/build/native/vit158' "$@"; }; npx() { shift; '${process.execPath}' '${ROOT}/web/cli.mjs' "$@"; }; ${line}`;
  return spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' });
}

const browser = await launch(['--allow-file-access-from-files']);
after(() => browser.close());

test('the tutorial leads to a page', async () => {
  writePhotos();
  assert.equal(spawnSync(process.execPath, [join(ROOT, 'web/bundle/make_template.mjs')]).status, 0);
  const lines = [...readFileSync(join(ROOT, 'web/TUTORIAL.md'), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)]
    .flatMap(([, code]) => code.trim().split('\n'))
    .map((line) => line.replace('--minutes 30', '--minutes 4 --clock processor'));
  assert.equal(lines.length, 4);
  /** @type {string[]} */
  const said = [];
  for (const line of lines) {
    const { status, stdout, stderr } = inShell(line);
    assert.equal(status, 0, `${line}\n${stdout}\n${stderr}`);
    said.push(stdout);
  }
  const top1 = Number(/([\d.]+) %/.exec(said[2])?.[1]);
  assert.ok(top1 > 75, said[2]);
  const page = join(folder, 'fruit.html');
  assert.ok(existsSync(page));
  const tab = await browser.newPage();
  await tab.goto(pathToFileURL(page).href);
  await answered(tab);
  const [, label] = /^ +[\d.]+ % +(\w+)/m.exec(said[1]) ?? [];
  // The headline may say that the picture looks like none of the classes: few photos make an unsure model.
  assert.equal((await text(tab, '#bars .bar:first-child .bar-label')).toLowerCase(), label.toLowerCase());
  assert.equal(await text(tab, 'h1 span'), 'Apples and pears');
});
