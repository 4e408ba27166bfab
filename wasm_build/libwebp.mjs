// SPDX-License-Identifier: MIT
// libwebp's source as Debian 12 has it, security patches applied, in build/libwebp/source: what
// vit158-webp.wasm is made from. apt-get fetches it from where this machine gets its packages, with lists of
// its own, because few systems have deb-src lines; the signatures are checked as for any package.
// `node wasm_build/libwebp.mjs` fetches it once.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const FOLDER = fileURLToPath(new URL('../build/libwebp', import.meta.url));
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Debian 12's archives if apt-get does not name its own. */
const ARCHIVES = [
  'http://deb.debian.org/debian bookworm',
  'http://deb.debian.org/debian bookworm-updates',
  'http://deb.debian.org/debian-security bookworm-security',
];

/** Where this machine's packages come from: "address release", once each. */
function archives() {
  const format = '$(ORIGIN)|$(COMPONENT)|$(REPO_URI) $(RELEASE)';
  const lines = execFileSync('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    encoding: 'utf8',
  }).split('\n');
  const own = lines
    .map((line) => line.match(/^Debian\|main\|(\S+ bookworm\S*)$/)?.[1])
    .filter((line) => line !== undefined);
  return own.length > 0 ? [...new Set(own)] : ARCHIVES;
}

/** @param {'inherit' | 'pipe'} stdio */
function fetchSource(stdio) {
  const fresh = `${FOLDER}.${process.pid}`;
  for (const part of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(fresh, part), { recursive: true });
  const sources = join(fresh, 'sources.list');
  writeFileSync(
    sources,
    archives()
      .map((archive) => `deb-src [signed-by=${KEYS}] ${archive} main\n`)
      .join(''),
  );
  const settings = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${join(fresh, 'lists')}`,
    `Dir::Cache=${join(fresh, 'cache')}`,
    'APT::Sandbox::User=root', // the folder is ours, and nobody else's
    'Acquire::Languages=none',
  ].flatMap((setting) => ['-o', setting]);
  const options = { cwd: fresh, stdio };
  execFileSync('apt-get', [...settings, '-q', 'update'], options);
  execFileSync('apt-get', [...settings, '-q', '--download-only', 'source', 'libwebp'], options);
  const description = readdirSync(fresh).find((name) => name.endsWith('.dsc'));
  if (description === undefined) throw new Error('apt-get fetched no source of libwebp');
  execFileSync('dpkg-source', ['-x', description, 'source'], options);
  const version = description.replace(/^libwebp_|\.dsc$/g, '');
  writeFileSync(join(fresh, 'version'), `${version}\n`);
  for (const part of ['lists', 'cache']) rmSync(join(fresh, part), { recursive: true });
  rmSync(FOLDER, { recursive: true, force: true });
  renameSync(fresh, FOLDER);
}

/**
 * Makes sure that the source is there.
 * @param {'inherit' | 'pipe'} stdio of the commands
 * @returns {{folder: string, version: string}} Debian's version, "1.2.4-0.2+deb12u1"
 */
export function libwebpSource(stdio) {
  const version = join(FOLDER, 'version');
  if (!existsSync(version)) fetchSource(stdio);
  return { folder: join(FOLDER, 'source'), version: readFileSync(version, 'utf8').trim() };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { folder, version } = libwebpSource('inherit');
  console.log(`libwebp ${version} is in ${folder}`);
}
