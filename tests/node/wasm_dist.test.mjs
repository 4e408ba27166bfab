// SPDX-License-Identifier: MIT
// The committed modules are what the sources give: rebuilt by the same compiler they are equal byte for
// byte; by another one they behave equally.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  BUILD,
  DIST,
  ROOT,
  buildModules,
  compilerVersion,
  complaints,
  sizeBudget,
  sourcesDigest,
} from '../../wasm_build/build.mjs';
import { Classifier } from '../../web/lib/vit158.js';
import { tinyGolden, tinyPath } from './tiny.mjs';

const NAMES = Object.keys(sizeBudget());
/** @type {import('../../wasm_build/build.mjs').BuildFacts} */
const recorded = JSON.parse(readFileSync(join(DIST, 'build.json'), 'utf8'));

test('dist holds the modules that build.json describes, and nothing else', () => {
  const others = readdirSync(DIST).filter((name) => name !== 'sbom.spdx.json'); // sbom.test.mjs
  assert.deepEqual(others.sort(), [...NAMES, 'build.json'].sort());
  for (const name of NAMES) {
    const bytes = readFileSync(join(DIST, name));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), recorded.modules[name].sha256, name);
    assert.equal(bytes.length, recorded.modules[name].bytes);
    assert.deepEqual(complaints(name, bytes), []);
  }
});

test('the sources are those that dist was built from', () => {
  assert.equal(
    sourcesDigest(recorded.sources),
    recorded.sources_sha256,
    'sources have changed: run `npm run build:wasm` and commit wasm_build/dist',
  );
});

const compiler = compilerVersion();
if (compiler === undefined) process.stderr.write('NOT TESTED: there is no emcc to rebuild the modules with\n');
test('rebuilt modules', { skip: compiler === undefined && 'there is no emcc' }, async (t) => {
  buildModules('pipe');
  if (compiler === recorded.compiler) {
    for (const name of NAMES)
      assert.ok(
        readFileSync(join(BUILD, name)).equals(readFileSync(join(DIST, name))),
        `${name} differs: run \`npm run build:wasm\` and commit wasm_build/dist`,
      );
    return;
  }
  t.diagnostic(`compiled by ${compiler}, committed ones by ${recorded.compiler}: comparing behaviour`);
  for (const [engine, name] of /** @type {const} */ ([
    ['simd128', 'vit158.wasm'],
    ['scalar', 'vit158-scalar.wasm'],
  ])) {
    const load = (/** @type {string} */ folder) =>
      Classifier.load(tinyPath('ternary-6'), { engine, threads: 1, wasm: join(folder, name) });
    const { input } = tinyGolden('ternary-6');
    assert.deepEqual(await (await load(BUILD)).forward(input), await (await load(DIST)).forward(input));
  }
});

test(
  'the libraries that the linker takes are named with their licences',
  { skip: compiler === undefined && 'there is no emcc' },
  () => {
    const thirdParty = readFileSync(join(ROOT, 'THIRD-PARTY.md'), 'utf8');
    for (const name of NAMES) {
      const commands = execFileSync('ninja', ['-C', BUILD, '-t', 'commands', name], { encoding: 'utf8' })
        .trim()
        .split('\n');
      const link = (commands.at(-1) ?? '').replace(/^: && | && :$/g, '').replace(` -o ${name}`, ' -o trace.wasm');
      assert.match(link, / -o trace\.wasm/);
      const trace = execFileSync('sh', ['-c', `${link} -O0 -Wl,--trace; rm trace.wasm`], {
        cwd: BUILD,
        encoding: 'utf8',
      });
      const libraries = trace
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('CMakeFiles/'))
        .map((line) => line.match(/([^/]+?)(?:-[\w-]+)?\.(?:a\(.*\)|o)$/)?.[1] ?? line);
      assert.ok(libraries.includes('libc') && libraries.includes('libemmalloc'), trace);
      for (const library of libraries) assert.ok(thirdParty.includes(`\`${library}\``), `${name} has ${library}`);
    }
  },
);
