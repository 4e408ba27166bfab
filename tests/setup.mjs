// SPDX-License-Identifier: MIT
// What the build and the tests need, and how it gets there: Debian packages by apt-get, development
// packages by npm. `node tests/setup.mjs` installs what is missing; on systems other than Debian 12
// it checks for the same tools and says which ones to install.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Debian packages, each with a probe that works on any system: a command, a C header or a Python
 * module. `version` must be part of what the command prints for --version.
 * @type {{name: string, why: string, command?: string, version?: string, header?: string,
 *         python?: string, file?: string}[]}
 */
export const PACKAGES = [
  { name: 'gcc', why: 'native build', command: 'gcc' },
  { name: 'g++', why: 'checks that the public header is valid C++', command: 'g++' },
  { name: 'libc6-dev', why: 'native build', header: 'stdlib.h' },
  { name: 'cmake', why: 'build (3.25 or newer)', command: 'cmake' },
  { name: 'ninja-build', why: 'build', command: 'ninja' },
  { name: 'pkgconf', why: 'checks the installed library', command: 'pkg-config' },
  { name: 'libsimde-dev', why: 'SIMD128 kernels in the native build', header: 'simde/wasm/simd128.h' },
  { name: 'libstb-dev', why: 'JPEG and PNG decoding', header: 'stb/stb_image.h' },
  { name: 'libwebp-dev', why: 'WebP decoding', header: 'webp/decode.h' },
  { name: 'dpkg-dev', why: "unpacks libwebp's source for its wasm module", command: 'dpkg-source' },
  { name: 'zlib1g-dev', why: 'the trainer reads gzip-compressed IDX files', header: 'zlib.h' },
  { name: 'libcmocka-dev', why: 'unit tests', header: 'cmocka.h' },
  {
    name: 'dataset-fashion-mnist',
    why: 'test pictures of models/fashion-mnist',
    file: '/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz',
  },
  { name: 'python3-pil', why: 'judge of resize and decoding', python: 'PIL' },
  { name: 'python3-numpy', why: 'pictures for the judge', python: 'numpy' },
  { name: 'python3-torch', why: 'models in the layouts that vit158 import reads', python: 'torch' },
  {
    name: 'libopenblas0-pthread',
    why: 'matrix products of PyTorch',
    file: '/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3',
  },
  { name: 'emscripten', why: 'wasm modules', command: 'emcc' },
  { name: 'chromium', why: 'browser tests', command: 'chromium' },
  { name: 'firefox-esr', why: 'browser tests', command: 'firefox-esr' },
  { name: 'webkit2gtk-driver', why: 'browser tests', file: '/usr/bin/WebKitWebDriver' },
  { name: 'xvfb', why: 'a screen for WebKit in the browser tests', file: '/usr/bin/Xvfb' },
  { name: 'parallel', why: 'hands out lists of pictures in a test', command: 'parallel' },
  { name: 'clang-format-14', why: 'format check', command: 'clang-format-14', version: '14.' },
];

/** What `npm run proof` needs besides; tests of ranks run wherever Open MPI is. @type {typeof PACKAGES} */
export const PROOF_PACKAGES = [
  {
    name: 'libopenmpi-dev',
    why: 'training with several processes',
    file: '/usr/lib/x86_64-linux-gnu/openmpi/include/mpi.h',
  },
  { name: 'openmpi-bin', why: 'training with several processes', command: 'mpirun' },
  { name: 'python3-torch', why: 'makes the goldens anew', python: 'torch' },
  { name: 'libjpeg-turbo-progs', why: 'writes JPEGs that Pillow does not', file: '/usr/bin/cjpeg' },
  {
    name: 'libopenblas0-pthread',
    why: 'PyTorch in good time',
    file: '/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0',
  },
  { name: 'slurmctld', why: 'runs the recipe for Slurm', file: '/usr/sbin/slurmctld' },
  { name: 'slurmd', why: 'runs the recipe for Slurm', file: '/usr/sbin/slurmd' },
  { name: 'slurm-client', why: 'runs the recipe for Slurm', file: '/usr/bin/sbatch' },
  { name: 'munge', why: 'runs the recipe for Slurm', file: '/usr/sbin/munged' },
];

/** @param {string} text */
function say(text) {
  process.stdout.write(`setup: ${text}\n`);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function quiet(command, args, input = '') {
  return spawnSync(command, args, { encoding: 'utf8', input });
}

/** @param {string} command @param {string[]} args */
function loud(command, args, env = {}) {
  say([command, ...args].join(' '));
  const run = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  return run.status === 0;
}

function isDebian12() {
  if (!existsSync('/etc/os-release')) return false;
  const text = readFileSync('/etc/os-release', 'utf8');
  return /^ID=debian$/m.test(text) && /^VERSION_ID="?12"?$/m.test(text);
}

/** Packages that dpkg does not know as installed. @param {typeof PACKAGES} packages */
function missingDebianPackages(packages) {
  const names = packages.map((p) => p.name);
  const run = quiet('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names]);
  const installed = new Set(
    run.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/** @param {typeof PACKAGES[number]} p */
function probe(p) {
  if (p.command) {
    const run = quiet(p.command, ['--version']);
    return run.status === 0 && run.stdout.includes(p.version ?? '');
  }
  if (p.file) return existsSync(p.file);
  if (p.python) return quiet('python3', ['-c', `import ${p.python}`]).status === 0;
  const source =
    `#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n` + `#include <${p.header}>\n`;
  return quiet('cc', ['-fsyntax-only', '-x', 'c', '-'], source).status === 0;
}

/** @param {typeof PACKAGES} packages */
function installDebianPackages(packages) {
  const missing = missingDebianPackages(packages);
  if (missing.length === 0) return true;
  say(`missing Debian packages: ${missing.join(' ')}`);
  const install = ['install', '-y', '--no-install-recommends', ...missing];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const asRoot = process.getuid?.() === 0;
  if (!asRoot && quiet('sudo', ['-n', 'true']).status !== 0) {
    say('not root, and sudo asks for a password. Run this, then try again:');
    say(`  sudo apt-get update && sudo apt-get ${install.join(' ')}`);
    return false;
  }
  /** @param {string[]} args */
  const aptGet = (args) =>
    asRoot
      ? loud('apt-get', args, env)
      : loud('sudo', ['-n', 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args]);
  return aptGet(['update', '-q']) && aptGet([...install, '-q']);
}

/** @param {typeof PACKAGES} packages */
function checkOtherSystem(packages) {
  const missing = packages.filter((p) => !probe(p));
  if (missing.length === 0) return true;
  say('this is not Debian 12, so nothing is installed for you. Missing:');
  for (const p of missing) {
    const what = p.command
      ? `command ${p.command}${p.version ? ` ${p.version}x` : ''}`
      : p.header
        ? `C header <${p.header}>`
        : p.file
          ? `the file ${p.file}`
          : `Python module ${p.python}`;
    say(`  ${what} (${p.why}); Debian's package: ${p.name}`);
  }
  return false;
}

/** Whether node_modules holds exactly what package-lock.json asks for. */
function npmIsCurrent() {
  const installedPath = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(installedPath)) return false;
  /** @param {string} path */
  const packages = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  const installed = packages(installedPath);
  const wanted = packages(join(ROOT, 'package-lock.json'));
  return Object.keys(wanted).every(
    (key) => key === '' || wanted[key].optional || installed[key]?.version === wanted[key].version,
  );
}

/** Installs what is missing; false if something could not be. */
export function setUp(packages = PACKAGES) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) {
    say(`the tests need Node 20 or newer, this is ${process.version}`);
    return false;
  }
  if (!(isDebian12() ? installDebianPackages(packages) : checkOtherSystem(packages))) return false;
  return npmIsCurrent() || loud('npm', ['ci', '--no-audit', '--no-fund']);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = setUp() ? 0 : 1;
