// SPDX-License-Identifier: MIT
// What is inside the WebAssembly modules, as an SPDX 2.3 document (https://spdx.github.io/spdx-spec/v2.3/):
// each module with its digest, and the work of others that the compiler and Debian's packages put in, as
// the table of THIRD-PARTY.md has it. The document is a function of the modules: no time, no machine.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** SPDX expressions for the words of the table. @type {Record<string, string>} */
const LICENCES = {
  MIT: 'MIT',
  'MIT or public domain': 'MIT OR Unlicense',
  'BSD-3-Clause': 'BSD-3-Clause',
  'MIT or NCSA': 'MIT OR NCSA',
  'Apache-2.0 with LLVM exceptions': 'Apache-2.0 WITH LLVM-exception',
};

/** @typedef {{name: string, inside: string, from: string, licence: string}} Part */

/** The rows of the first table of THIRD-PARTY.md. @returns {Part[]} */
export function thirdParties() {
  const text = readFileSync(join(ROOT, 'THIRD-PARTY.md'), 'utf8');
  const table = text.slice(0, text.indexOf('\n\n', text.indexOf('|---')));
  return [...table.matchAll(/^\| (?!what )([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, what, inside, from, words]) => {
      const licence = LICENCES[words];
      if (licence === undefined) throw new Error(`THIRD-PARTY.md: no SPDX expression for "${words}"`);
      return { name: what.replace(/ \(.*/, ''), inside, from, licence };
    },
  );
}

/** Whether a part is in a module. @param {Part} part @param {string} module */
const isIn = ({ inside }, module) => inside.includes('all `.wasm`') || inside.includes(`\`${module}\``);

/** @param {string} name */
const idOf = (name) => `SPDXRef-${name.replace(/[^\w.]+/g, '-').replaceAll('_', '-')}`;

/**
 * @param {import('./build.mjs').BuildFacts} build
 * @param {string} version of the package
 */
export function sbom({ compiler, libwebp, sources_sha256, modules }, version) {
  const parts = thirdParties().filter((part) => Object.keys(modules).some((name) => isIn(part, name)));
  const own = { filesAnalyzed: false, downloadLocation: 'NOASSERTION' };
  const relate = (/** @type {string} */ from, /** @type {string} */ relationshipType, /** @type {string} */ to) => ({
    spdxElementId: from,
    relationshipType,
    relatedSpdxElement: to,
  });
  const whole = idOf('vit158');
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `vit158-${version}`,
    documentNamespace: `https://spdx.org/spdxdocs/vit158-${version}-${sources_sha256}`,
    creationInfo: {
      created: '1970-01-01T00:00:00Z',
      creators: ['Tool: wasm_build/build.mjs'],
      comment: `Of the modules that ${compiler} makes of the sources with this digest; not of a moment.`,
    },
    packages: [
      {
        SPDXID: whole,
        name: 'vit158',
        versionInfo: version,
        ...own,
        licenseConcluded: 'MIT',
        licenseDeclared: 'MIT',
        copyrightText: 'NOASSERTION',
        primaryPackagePurpose: 'LIBRARY',
      },
      ...Object.entries(modules).map(([name, { sha256 }]) => ({
        SPDXID: idOf(name),
        name,
        versionInfo: version,
        packageFileName: `wasm_build/dist/${name}`,
        ...own,
        checksums: [{ algorithm: 'SHA256', checksumValue: sha256 }],
        licenseConcluded: 'NOASSERTION',
        licenseDeclared: 'MIT',
        copyrightText: 'NOASSERTION',
        primaryPackagePurpose: 'FILE',
      })),
      ...parts.map(({ name, from, licence }) => ({
        SPDXID: idOf(name),
        name,
        ...(name === 'libwebp' ? { versionInfo: libwebp } : {}),
        ...own,
        supplier: 'Organization: Debian',
        sourceInfo: from,
        licenseConcluded: licence,
        licenseDeclared: licence,
        copyrightText: 'NOASSERTION',
        primaryPackagePurpose: 'SOURCE',
      })),
    ],
    relationships: [
      relate('SPDXRef-DOCUMENT', 'DESCRIBES', whole),
      ...Object.keys(modules).map((name) => relate(whole, 'CONTAINS', idOf(name))),
      ...Object.keys(modules).flatMap((module) =>
        parts.filter((part) => isIn(part, module)).map(({ name }) => relate(idOf(module), 'STATIC_LINK', idOf(name))),
      ),
    ],
  };
}

/** @param {import('./build.mjs').BuildFacts} build @param {string} version */
export const sbomText = (build, version) => `${JSON.stringify(sbom(build, version), null, 2)}\n`;
