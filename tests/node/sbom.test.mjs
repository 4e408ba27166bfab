// SPDX-License-Identifier: MIT
// wasm_build/dist/sbom.spdx.json: says of every module what is in it, and is a valid SPDX 2.3 document
// (the rules that its JSON schema and the specification have for what we use).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DIST, sizeBudget } from '../../wasm_build/build.mjs';
import { sbom, sbomText, thirdParties } from '../../wasm_build/sbom.mjs';
import { ROOT } from './shared.mjs';

const build = JSON.parse(readFileSync(join(DIST, 'build.json'), 'utf8'));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const document = sbom(build, version);
const packageOf = (/** @type {string} */ name) => document.packages.find((one) => one.name === name);

test('each module is there with the digest of its file', () => {
  for (const name of Object.keys(sizeBudget())) {
    const found = /** @type {any} */ (packageOf(name));
    const digest = createHash('sha256')
      .update(readFileSync(join(DIST, name)))
      .digest('hex');
    assert.deepEqual(found?.checksums, [{ algorithm: 'SHA256', checksumValue: digest }], name);
  }
});

test('the work of others is linked to the modules that THIRD-PARTY.md names', () => {
  assert.ok(thirdParties().length >= 5);
  const linked = (/** @type {string} */ module) =>
    document.relationships
      .filter(
        ({ spdxElementId, relationshipType }) =>
          relationshipType === 'STATIC_LINK' && spdxElementId === packageOf(module)?.SPDXID,
      )
      .map(({ relatedSpdxElement }) => document.packages.find(({ SPDXID }) => SPDXID === relatedSpdxElement)?.name);
  assert.deepEqual(linked('vit158-decode.wasm').sort(), ['Emscripten', 'LLVM', 'musl', 'stb_image']);
  assert.deepEqual(linked('vit158-webp.wasm').sort(), ['Emscripten', 'LLVM', 'libwebp', 'musl']);
  assert.equal(packageOf('libwebp')?.versionInfo, build.libwebp, 'for those who look up faults of a version');
  assert.deepEqual(linked('vit158.wasm').sort(), ['Emscripten', 'LLVM', 'musl']);
  assert.equal(packageOf('SIMDe'), undefined, 'SIMDe is native only');
});

test('it keeps the rules of SPDX 2.3', () => {
  assert.equal(document.spdxVersion, 'SPDX-2.3');
  assert.equal(document.dataLicense, 'CC0-1.0');
  assert.match(document.documentNamespace, /^https:\/\/[^#]+$/);
  assert.match(document.creationInfo.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(document.creationInfo.creators.every((one) => /^(Tool|Person|Organization): /.test(one)));
  const ids = ['SPDXRef-DOCUMENT', ...document.packages.map(({ SPDXID }) => SPDXID)];
  assert.equal(new Set(ids).size, ids.length, 'identifiers are unique');
  for (const id of ids) assert.match(id, /^SPDXRef-[a-zA-Z0-9.-]+$/);
  for (const { name, downloadLocation, licenseConcluded, licenseDeclared, copyrightText } of document.packages)
    assert.ok(name && downloadLocation && licenseConcluded && licenseDeclared && copyrightText, name);
  for (const { spdxElementId, relatedSpdxElement } of document.relationships)
    assert.ok(ids.includes(spdxElementId) && ids.includes(relatedSpdxElement));
  assert.ok(document.relationships.some(({ relationshipType }) => relationshipType === 'DESCRIBES'));
});

test('what the last build wrote is what this one would write', () => {
  const path = join(DIST, 'sbom.spdx.json');
  if (existsSync(path)) assert.equal(readFileSync(path, 'utf8'), sbomText(build, version));
  assert.equal(sbomText(build, version), sbomText(structuredClone(build), version));
});
