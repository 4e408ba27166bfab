// SPDX-License-Identifier: MIT
// The npm package as a user gets it: packed, laid into another project's node_modules, imported, run as
// a command, checked by publint and attw, and type-checked in projects of several kinds.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { inlineText } from '../../wasm_build/make_inline.mjs';
import { installPackage } from './packed.mjs';
import { ROOT, jsonLines, run, temporaryFolder } from './shared.mjs';

const project = temporaryFolder();
const installed = join(project, 'node_modules/vit158');
const tarball = installPackage(project);
const picture = join(ROOT, 'tests/data/images/baseline_420.jpg');

/** Runs a module of the project. @param {string} source */
function runModule(source) {
  const file = join(project, 'script.mjs');
  writeFileSync(file, source);
  const { code, stdout, stderr } = run(process.execPath, [file]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test('packed it is at most 5.5 MB; without models at most 1.4 MB, and nothing is in it that does not belong', () => {
  assert.ok(statSync(tarball).size <= 5.5e6);
  const { stdout } = run('tar', ['-tzf', tarball]);
  const files = stdout
    .trim()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''));
  const bytes = files
    .filter((name) => !name.startsWith('models/'))
    .reduce((sum, name) => sum + statSync(join(installed, name)).size, 0);
  assert.ok(bytes <= 1.4e6, `${bytes} bytes`);
  const allowed =
    /^(package\.json|README\.md|LICENSE|THIRD-PARTY\.md|web\/(README|COMMANDS|FILES|SCALE)\.md|web\/(lib|cli)\/[\w.]+|web\/cli\.mjs|web\/bundle\/template\.html\.gz|wasm_build\/dist\/[\w.-]+|models\/[\w.-]+)$/;
  assert.deepEqual(
    files.filter((name) => !allowed.test(name)),
    [],
  );
});

test('two models are in it, and where the others are is said', async () => {
  const here = readdirSync(join(installed, 'models')).sort();
  const names = ['vit158-cifar10', 'vit158-imagenet'];
  assert.deepEqual(here, ['packaged.json', ...names.flatMap((name) => [`${name}.md`, `${name}.safetensors`])]);
  const whole = JSON.parse(readFileSync(join(ROOT, 'models/manifest.json'), 'utf8'));
  const listed = JSON.parse(readFileSync(join(installed, 'models/packaged.json'), 'utf8'));
  const isListed = (/** @type {{name: string}} */ { name }) => names.includes(name);
  assert.equal(listed.default, whole.default);
  assert.deepEqual(listed.models, whole.models.filter(isListed));
  assert.deepEqual(
    listed.elsewhere.names,
    whole.models
      .filter((/** @type {{name: string}} */ entry) => !isListed(entry))
      .map((/** @type {{name: string}} */ { name }) => name),
  );
  assert.ok(listed.elsewhere.names.length > 0);
  for (const name of listed.elsewhere.names) {
    const { code, stderr } = run(process.execPath, [join(installed, 'web/cli.mjs'), 'info', '--model', name]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`does not come with the package: take ${name}\\.safetensors from `));
    const { Classifier } = await import(pathToFileURL(join(installed, 'web/lib/vit158.js')).href);
    await assert.rejects(Classifier.load(name), { code: 'E_IO', message: /does not come with the package/ });
  }
});

test('the embedded modules are those of dist', async () => {
  const at = (/** @type {string} */ name) => join(installed, 'web/lib', name);
  assert.ok(readFileSync(at('inline_modules.js'), 'utf8') === inlineText());
  const { inlineBytes } = await import(pathToFileURL(at('inline_bytes.js')).href);
  /** @type {[string, string][]} */
  const modules = [
    ['simd128', 'vit158.wasm'],
    ['scalar', 'vit158-scalar.wasm'],
    ['decode', 'vit158-decode.wasm'],
  ];
  for (const [name, file] of modules) {
    assert.ok(readFileSync(join(ROOT, 'wasm_build/dist', file)).equals(inlineBytes(name)), name);
  }
});

test('CDNs that serve one file serve the ES module, not the entry for require()', () => {
  const {
    main,
    jsdelivr,
    unpkg,
    exports: { '.': entry },
  } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  assert.deepEqual([main, jsdelivr, unpkg], [entry.require.default, entry.import.default, entry.import.default]);
});

test('publint and attw find nothing', () => {
  const bin = join(ROOT, 'node_modules/.bin');
  const lint = run(join(bin, 'publint'), ['--strict', tarball]);
  assert.equal(lint.code, 0, lint.stdout + lint.stderr);
  assert.match(lint.stdout, /All good!/);
  const types = run(join(bin, 'attw'), ['--format', 'json', tarball]);
  assert.equal(types.code, 0, types.stdout + types.stderr);
  const { analysis, problems } = JSON.parse(types.stdout);
  assert.deepEqual(problems ?? {}, {});
  assert.deepEqual(Object.keys(analysis.entrypoints).sort(), [
    '.',
    './*.wasm',
    './classes',
    './golden',
    './inline',
    './models/*',
    './package.json',
    './worker',
  ]);
});

test('import, classify with a model of the package, address a module', () => {
  const found = runModule(`
    import { createRequire } from 'node:module';
    import { Classifier, VERSION } from 'vit158';
    const require = createRequire(import.meta.url);
    const vit = await Classifier.load(require.resolve('vit158/models/vit158-imagenet.safetensors'),
      { wasm: require.resolve('vit158/vit158.wasm') });
    const { logitsSha256, predictions } = await vit.classify(${JSON.stringify(picture)});
    console.log(JSON.stringify({ logitsSha256, predictions: predictions.length,
      same: VERSION === require('vit158/package.json').version }));`);
  const own = run(process.execPath, [join(ROOT, 'web/cli.mjs'), 'classify', '--json', picture]);
  assert.deepEqual(found, { logitsSha256: jsonLines(own.stdout)[0].logits_sha256, predictions: 5, same: true });
});

test('the command', () => {
  symlinkSync('node_modules/vit158/web/cli.mjs', join(project, 'vit158'));
  const { code, stdout, stderr } = run(join(project, 'vit158'), ['classify', '--json', picture]);
  assert.equal(code, 0, stderr);
  assert.equal(jsonLines(stdout)[0].predictions.length, 5);
});

test('the command bundles a page without any build tool', () => {
  const page = join(project, 'app.html');
  const { code, stderr } = run(process.execPath, [
    join(installed, 'web/cli.mjs'),
    'bundle',
    'vit158-cifar10',
    picture,
    '-o',
    page,
  ]);
  assert.equal(code, 0, stderr);
  const html = readFileSync(page, 'utf8');
  for (const part of [
    'index',
    'vit158.wasm',
    'vit158-scalar.wasm',
    'vit158-decode.wasm',
    'image%201',
    'vit158-cifar10.safetensors',
  ])
    assert.equal(html.split(`<script type="text/plain" id="inside:${part}">`).length, 2, part);
  assert.match(html, /<script>\(\(\)=>\{|<script>"use strict";\(\(\)=>\{/);
});

/** Settings of a strict user who also checks the types of packages. */
const STRICT = { strict: true, noEmit: true, skipLibCheck: false, target: 'ES2022' };
const BROWSER = { ...STRICT, module: 'ESNext', moduleResolution: 'bundler', types: [] };
const NODE = {
  ...STRICT,
  module: 'Node16',
  moduleResolution: 'Node16',
  lib: ['ES2022'],
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
};
/** @type {Record<string, {files: string[], compilerOptions: object}>} */
const CONSUMERS = {
  'a browser project with a bundler': { files: ['use.ts'], compilerOptions: { ...BROWSER, lib: ['ES2022', 'DOM'] } },
  'a browser project on the newest libraries': {
    files: ['use.ts'],
    compilerOptions: { ...BROWSER, lib: ['ESNext', 'DOM'] },
  },
  'a Node project, ES modules and CommonJS': { files: ['use.ts', 'use.cts'], compilerOptions: NODE },
};
for (const [name, { files, compilerOptions }] of Object.entries(CONSUMERS)) {
  test(`types in ${name}`, () => {
    writeFileSync(join(project, 'package.json'), '{"type": "module"}');
    for (const file of files) copyFileSync(join(ROOT, 'tests/consumer/js', file), join(project, file));
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    const { code, stdout } = run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', project]);
    assert.equal(code, 0, stdout);
  });
}
