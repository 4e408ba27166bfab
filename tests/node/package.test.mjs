// SPDX-License-Identifier: MIT
// The npm package as a user gets it: packed, laid into another project's node_modules, imported, run as
// a command, and type-checked in projects with and without a browser's types.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, jsonLines, run, temporaryFolder } from './shared.mjs';

const project = temporaryFolder();
const installed = join(project, 'node_modules/vit158');
const packed = run('npm', ['pack', '--silent', '--pack-destination', project]);
assert.equal(packed.code, 0, packed.stderr);
const tarball = join(project, packed.stdout.trim());
mkdirSync(join(project, 'node_modules'));
assert.equal(run('tar', ['-xzf', tarball, '-C', project]).code, 0);
renameSync(join(project, 'package'), installed);
const picture = join(ROOT, 'tests/data/images/baseline_420.jpg');

/** Runs a module of the project. @param {string} source */
function runModule(source) {
  const file = join(project, 'script.mjs');
  writeFileSync(file, source);
  const { code, stdout, stderr } = run(process.execPath, [file]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test('without models it is smaller than 1 MB, and nothing is in it that does not belong', () => {
  const { stdout } = run('tar', ['-tzf', tarball]);
  const files = stdout.trim().split('\n').map((name) => name.replace(/^package\//, ''));
  const bytes = files.filter((name) => !name.startsWith('models/'))
    .reduce((sum, name) => sum + statSync(join(installed, name)).size, 0);
  assert.ok(bytes < 1e6, `${bytes} bytes`);
  const allowed = /^(package\.json|README\.md|LICENSE|web\/(lib|cli)\/[\w.]+|web\/cli\.mjs|wasm_build\/dist\/[\w.-]+|models\/[\w.-]+)$/;
  assert.deepEqual(files.filter((name) => !allowed.test(name)), []);
});

test('import, classify with a model of the package, address a module', () => {
  const found = runModule(`
    import { createRequire } from 'node:module';
    import { Classifier, VERSION } from 'vit158';
    const require = createRequire(import.meta.url);
    const vit = await Classifier.load(require.resolve('vit158/models/vit158-cifar10.safetensors'),
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

/** Settings of a strict user who also checks the types of packages. */
const STRICT = { strict: true, noEmit: true, skipLibCheck: false, target: 'ES2022' };
/** @type {Record<string, object>} */
const CONSUMERS = {
  'a browser project with a bundler': { ...STRICT, module: 'ESNext', moduleResolution: 'bundler',
    lib: ['ES2022', 'DOM'], types: [] },
  'a Node project without browser types': { ...STRICT, module: 'NodeNext', moduleResolution: 'NodeNext',
    lib: ['ES2022'], types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
  'a project on the newest libraries': { ...STRICT, module: 'ESNext', moduleResolution: 'bundler', lib: ['ESNext', 'DOM'], types: [] },
};
for (const [name, compilerOptions] of Object.entries(CONSUMERS)) {
  test(`types in ${name}`, () => {
    writeFileSync(join(project, 'package.json'), '{"type": "module"}');
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
    writeFileSync(join(project, 'use.ts'), `
      import { Classifier, Vit158Error, decodeImage, type Classification, type ErrorCode } from 'vit158';
      export async function use(signal: AbortSignal): Promise<string> {
        const vit = await Classifier.load(new URL('http://localhost/m'), {
          signal, engine: 'scalar', onProgress: ({ loaded, total }) => void (loaded / total), threads: 'auto' });
        try {
          const found: Classification = await vit.classify({ data: new Uint8Array(3), width: 1, height: 1 },
            { topK: 3, explain: true, deadlineMs: 100 });
          const rows: number = found.attention?.rollout.length ?? (await decodeImage('x.png')).channels;
          return found.predictions[0].label + rows + vit.info().model.dim;
        } catch (error) {
          const code: ErrorCode | undefined = error instanceof Vit158Error ? error.code : undefined;
          return code ?? '';
        } finally {
          vit.dispose();
        }
      }
      // @ts-expect-error there is no such engine
      Classifier.load('m', { engine: 'mmx' });
      // @ts-expect-error a number is no picture
      export const wrong = (vit: Classifier) => vit.classify(42);
      // @ts-expect-error made by load only
      new Classifier();
    `);
    const { code, stdout } = run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', project]);
    assert.equal(code, 0, stdout);
  });
}
