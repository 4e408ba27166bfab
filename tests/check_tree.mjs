// SPDX-License-Identifier: MIT
// Rules that the whole tree keeps: who may include whom, lengths, names, licences, exported symbols,
// format. Prints each violation, then "N passed, N failed" (one per rule). Wants the native build for
// the symbol rules and wasm_build/dist for the export rules.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { complaints, DIST, sizeBudget } from '../wasm_build/build.mjs';
import { ROOT } from './setup.mjs';

const MAX_LINES = 500;

/** Folders whose headers a folder of src/ may include, beside its own and the public ones. */
const ALLOWED_INCLUDES = {
  base: [],
  kernels: ['base'],
  model: ['base'],
  image: ['base'],
  predict: ['base'],
  engine: ['base', 'kernels', 'model', 'image', 'predict'],
  api: ['base', 'kernels', 'model', 'image', 'predict', 'engine'],
  import: ['base', 'model'],
  wasm: ['base', 'api', 'model', 'import'],
  train: ['base', 'kernels', 'model', 'image', 'api', 'import'],
  compress: ['base', 'kernels', 'model', 'image', 'train'],
  cli: ['base', 'image', 'api', 'model', 'import', 'train', 'compress'],
};

const TOP_LEVEL = [
  'src',
  'web',
  'models',
  'wasm_build',
  'tests',
  'CMakeLists.txt',
  'CMakePresets.json',
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'THIRD-PARTY.md',
  'LICENSE',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
];

/** @param {string} command @param {string[]} args */
function output(command, args, input = '') {
  const run = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', input, maxBuffer: 1 << 28 });
  return { ok: run.status === 0, text: run.stdout ?? '', errors: run.stderr ?? String(run.error) };
}

const FILES = output('git', ['ls-files', '-co', '--exclude-standard'])
  .text.split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)));
const SOURCES = FILES.filter((path) => /^src\/.*\.[ch]$/.test(path));
/** Headers that users of the library include. */
const PUBLIC = /^src\/vit158\w*\.h$/;
const C_FILES = FILES.filter((path) => /\.[ch]$/.test(path));

/** Made by programs, or data: no rule about lines or licence holds for them. */
const isData = (/** @type {string} */ path) =>
  /^(package-lock\.json|LICENSE|web\/API\.md)$/.test(path) ||
  /^(wasm_build\/dist|tests\/data|tests\/fuzz\/corpus)\//.test(path) ||
  /\.(png|jpe?g|safetensors|wasm|csv|ico|bin|svg)$/.test(path) ||
  /^(models|tests)\/.*\.json$/.test(path);
const TEXTS = FILES.filter((path) => !isData(path));

/** @param {string} path */
const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** @param {string} path @returns {string[]} headers in quotes */
const includes = (path) => [...read(path).matchAll(/^\s*#\s*include\s*"([^"]+)"/gm)].map((m) => m[1]);
/** @param {string} path @returns {string[]} headers in angle brackets */
const systemIncludes = (path) => [...read(path).matchAll(/^\s*#\s*include\s*<([^>]+)>/gm)].map((m) => m[1]);

/** Rules about text: each gives a list of complaints. @type {Record<string, () => string[]>} */
const TEXT_RULES = {
  'only the agreed files lie at the top': () =>
    [...new Set(FILES.map((path) => path.split('/')[0]))].filter(
      (name) => !name.startsWith('.') && !TOP_LEVEL.includes(name),
    ),

  [`no file is longer than ${MAX_LINES} lines`]: () =>
    TEXTS.map((path) => ({ path, lines: read(path).split('\n').length - 1 }))
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ path, lines }) => `${path}: ${lines} lines`),

  'text has no tabs, trailing spaces or carriage returns, and ends with a line feed': () =>
    TEXTS.flatMap((path) => {
      const text = read(path);
      const bad = text
        .split('\n')
        .findIndex((line) => /[\t\r]/.test(line) || (/[ ]$/.test(line) && !path.endsWith('.md')));
      const found = bad >= 0 ? [`${path}:${bad + 1}`] : [];
      return text === '' || text.endsWith('\n') ? found : [...found, `${path}: no line feed at the end`];
    }),

  'every source file names its licence': () =>
    TEXTS.filter((path) => /\.(c|h|js|mjs|cjs|ts|css|html|py|cmake|sh|txt)$/.test(path)).filter(
      (path) => !read(path).split('\n').slice(0, 4).join('\n').includes('SPDX-License-Identifier: MIT'),
    ),

  'no source file is marked unfinished': () =>
    TEXTS.filter((path) => /\.(c|h|js|mjs|cjs|ts|css|html|py|cmake|sh)$/.test(path)).filter((path) =>
      new RegExp('\\b(TO' + 'DO|FIX' + 'ME)\\b').test(read(path)),
    ),

  'file names in src are unique': () => {
    const names = FILES.filter((path) => path.startsWith('src/'))
      .map((path) => basename(path))
      .filter((name) => name !== 'sources.cmake');
    return names.filter((name, i) => names.indexOf(name) !== i);
  },

  'includes follow the layers': () =>
    SOURCES.filter((path) => !PUBLIC.test(path)).flatMap((path) => {
      const folder = path.split('/')[1];
      const allowed = [folder, ...(ALLOWED_INCLUDES[/** @type {keyof ALLOWED_INCLUDES} */ (folder)] ?? [])];
      return includes(path)
        .filter((header) => !PUBLIC.test(`src/${header}`) && !allowed.includes(header.split('/')[0]))
        .map((header) => `${path} includes ${header}`);
    }),

  'src/README.md names the same folders and includes': () => {
    const rows = [...read('src/README.md').matchAll(/^\| `(\w+)\/` \|.*\| ([\w, ]*)\|$/gm)];
    const stated = new Map(rows.map(([, folder, list]) => [folder, list.split(',').map((name) => name.trim())]));
    const folders = [...new Set(SOURCES.flatMap((path) => path.match(/^src\/(\w+)\//)?.[1] ?? []))];
    const sorted = (/** @type {string[]} */ names) => names.filter(Boolean).sort().join(', ');
    return [...new Set([...folders, ...stated.keys(), ...Object.keys(ALLOWED_INCLUDES)])]
      .filter((folder) => {
        const allowed = ALLOWED_INCLUDES[/** @type {keyof ALLOWED_INCLUDES} */ (folder)];
        const said = stated.get(folder);
        return !allowed || !said || !folders.includes(folder) || sorted(allowed) !== sorted(said);
      })
      .map((folder) => `${folder}: ${stated.get(folder) ?? 'not in the table'}`);
  },

  'files of an instruction set are called <operation>_<set>.c': () =>
    SOURCES.flatMap((path) =>
      systemIncludes(path)
        .filter(
          (header) =>
            /^(simde\/|wasm_simd128|immintrin)/.test(header) &&
            path.endsWith('.c') &&
            !path.startsWith('src/train/') &&
            !/_(simd128|avx2|avx512)\.c$/.test(path),
        )
        .map((header) => `${path} includes <${header}>`),
    ),

  'SIMD intrinsics and stb stay in their files': () =>
    SOURCES.flatMap((path) =>
      systemIncludes(path)
        .filter(
          (header) =>
            (/^(simde\/|wasm_simd128|immintrin)/.test(header) &&
              !/^src\/(kernels|image)\/(\w*simd\w*\.[ch]|vector\.h)$|^src\/train\//.test(path)) ||
            (/^stb/.test(header) && !path.startsWith('src/image/')),
        )
        .map((header) => `${path} includes <${header}>`),
    ),

  'every C file is in one source list': () => {
    const lists = FILES.filter((path) => /^(src|wasm_build)\/.*\.cmake$/.test(path))
      .map(read)
      .join('\n');
    return SOURCES.filter((path) => path.endsWith('.c') && !lists.includes(path));
  },

  'one version number everywhere': () => {
    const version = JSON.parse(read('package.json')).version;
    const header = read('src/vit158.h');
    const macro = ['MAJOR', 'MINOR', 'PATCH']
      .map((part) => header.match(new RegExp(`VIT158_VERSION_${part} (\\d+)`))?.[1])
      .join('.');
    const cmake = read('CMakeLists.txt').match(/project\(vit158 VERSION ([\d.]+)/)?.[1];
    return [macro, cmake]
      .filter((other) => other !== version)
      .map((other) => `package.json has ${version}, another place ${other}`);
  },
};

/** Global symbols of the native library. */
function symbols() {
  const { ok, text, errors } = output('nm', ['build/native/libvit158.a']);
  if (!ok) throw new Error(`nm build/native/libvit158.a: ${errors.trim()}`);
  return text
    .split('\n')
    .map((line) => line.match(/([A-Za-z]) (\S+)$/))
    .filter((match) => match !== null)
    .map((match) => ({ type: match[1], name: match[2] }));
}

/** Folders in which no file may, over others, call itself: each must be readable from the bottom up. */
const ACYCLIC_FOLDERS = ['compress', 'engine', 'import', 'train'];

/** Of these the build takes one. @type {Record<string, string>} */
const INSTEAD = { 'ranks_alone.c': 'ranks_mpi.c', 'ranks_mpi.c': 'ranks_alone.c' };

/** Which objects of a folder of src/ use which others, by their undefined and defined symbols.
 * @param {string} folder @returns {Map<string, Set<string>>} */
function calls(folder) {
  const objects = readdirSync(join(ROOT, 'build/native/CMakeFiles'), { withFileTypes: true, recursive: true })
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => path.endsWith('.o') && path.includes(`.dir/src/${folder}/`))
    .filter((path) => existsSync(join(ROOT, path.slice(path.indexOf('.dir/') + 5, -2))));
  const listed = objects.map((path) => ({ file: basename(path, '.o'), lines: output('nm', [path]).text.split('\n') }));
  /** @type {Map<string, string>} */
  const home = new Map();
  const named = (/** @type {string[]} */ lines, /** @type {RegExp} */ type) =>
    lines
      .map((line) => line.match(/([A-Za-z]) (\S+)$/))
      .filter((match) => match !== null && type.test(match[1]))
      .map((match) => /** @type {RegExpMatchArray} */ (match)[2]);
  for (const { file, lines } of listed) for (const name of named(lines, /[TDBRCVW]/)) home.set(name, file);
  /** @type {Map<string, Set<string>>} */
  const graph = new Map(listed.map(({ file }) => [file, new Set()]));
  /* A file that is compiled for several instruction sets has an object for each. */
  for (const { file, lines } of listed)
    for (const other of named(lines, /U/).flatMap((name) => home.get(name) ?? []))
      if (other !== file) graph.get(file)?.add(other);
  return graph;
}

/** A way from a node back to itself, undefined if there is none.
 * @param {Map<string, Set<string>>} graph @returns {string[] | undefined} */
function circle(graph) {
  const finished = new Set();
  /** @type {(node: string, path: string[]) => string[] | undefined} */
  const walk = (node, path) => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (finished.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const found = walk(next, [...path, node]);
      if (found !== undefined) return found;
    }
    finished.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = walk(node, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** C library calls that end the process or print; the library leaves both to its caller. */
const FORBIDDEN_CALLS = new Set([
  'exit',
  '_exit',
  'abort',
  'printf',
  'fprintf',
  'vprintf',
  'vfprintf',
  'puts',
  'fputs',
  'putchar',
  'perror',
  'stdout',
  'stderr',
  '__printf_chk',
  '__fprintf_chk',
]);

/** Rules that need compilers and builds. @type {Record<string, () => string[]>} */
const BUILD_RULES = {
  'the public headers compile, as C11 and as C++': () =>
    [
      ['gcc', '-std=c11', 'c'],
      ['g++', '-std=c++11', 'c++'],
    ].flatMap(([compiler, standard, language]) => {
      const { ok, errors } = output(
        compiler,
        [standard, '-pedantic', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-Isrc', '-x', language, '-'],
        `${SOURCES.filter((path) => PUBLIC.test(path))
          .map((path) => `#include "${basename(path)}"\n`)
          .join('')}int main(void) { return 0; }\n`,
      );
      return ok ? [] : [`${compiler}: ${errors}`];
    }),

  'all headers compile together': () => {
    const lines = SOURCES.filter((path) => path.endsWith('.h')).map((path) => `#include "${path.slice(4)}"\n`);
    const { ok, errors } = output(
      'gcc',
      ['-std=c11', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-DVIT158_HAVE_SIMD128=1', '-Isrc', '-x', 'c', '-'],
      lines.join(''),
    );
    return ok ? [] : errors.split('\n').filter((line) => /error/.test(line));
  },

  'names of src/train start with vit158_train': () =>
    SOURCES.filter((path) => /^src\/train\/.*\.h$/.test(path)).flatMap((path) =>
      [...read(path).matchAll(/^(?:}|\w[\w ]*[ *])\s*\*?(vit158_(?!train)\w+)[;(]/gm)].map(
        (match) => `${path}: ${match[1]}`,
      ),
    ),

  'every header compiles alone': () =>
    SOURCES.filter((path) => path.endsWith('.h')).flatMap((path) => {
      const { ok, errors } = output(
        'gcc',
        [
          '-std=c11',
          '-Wall',
          '-Wextra',
          '-Werror',
          '-fsyntax-only',
          '-DVIT158_HAVE_SIMD128=1',
          '-Isrc',
          '-x',
          'c',
          '-',
        ],
        `#include "${path.slice(4)}"\n`,
      );
      return ok ? [] : [`${path}: ${errors.split('\n')[0]}`];
    }),

  'global symbols of the library start with vit158_': () =>
    symbols()
      .filter(({ type, name }) => /[TDBRCVWu]/.test(type) && !name.startsWith('vit158_'))
      .map(({ name }) => name),

  'the library has no writable globals (outside stb_image)': () =>
    output('objdump', ['-t', 'build/native/libvit158.a'])
      .text.split(/\n(?=\S+\.o:)/)
      .filter((member) => !member.startsWith('stb.c.o:'))
      .flatMap((member) => [...member.matchAll(/^[0-9a-f]{16} .{7} (\S+)\s+([0-9a-f]{16})\s+(\S+)$/gm)])
      .filter(
        ([, section, size]) => /^(\.(data|bss)(?!\.rel\.ro)|\*COM\*)/.test(section) && Number.parseInt(size, 16) > 0,
      )
      .map(([, , , name]) => name),

  'no file calls itself over others of its folder': () =>
    ACYCLIC_FOLDERS.flatMap((folder) => {
      const graph = calls(folder);
      const sources = SOURCES.filter((path) => path.startsWith(`src/${folder}/`) && path.endsWith('.c'));
      const left = sources.filter((path) => !graph.has(basename(path)) && !graph.has(INSTEAD[basename(path)]));
      if (left.length > 0)
        return [`src/${folder}: ${sources.length} sources, but ${graph.size} objects in build/native`];
      const found = circle(graph);
      return found === undefined ? [] : [`src/${folder}: ${found.join(' -> ')}`];
    }),

  'the library neither prints nor exits': () =>
    symbols()
      .filter(({ type, name }) => type === 'U' && FORBIDDEN_CALLS.has(name))
      .map(({ name }) => name),

  'wasm modules keep to their size, import nothing and export what their lists name': () =>
    Object.keys(sizeBudget()).flatMap((name) => complaints(name, readFileSync(join(DIST, name)))),

  'JavaScript is formatted by Prettier': () => {
    const files = FILES.filter((path) => /\.(js|mjs|cjs|ts|cts|jsx)$/.test(path) && !isData(path));
    const { ok, text, errors } = output(process.execPath, [
      'node_modules/prettier/bin/prettier.cjs',
      '--list-different',
      ...files,
    ]);
    if (files.length < 100) return [`only ${files.length} files were found`];
    return ok ? [] : [...text.split('\n').filter(Boolean), ...errors.split('\n').slice(0, 1).filter(Boolean)];
  },

  'C is formatted by clang-format 14': () => {
    const { ok, errors } = output('clang-format-14', ['--dry-run', '-Werror', ...C_FILES]);
    return ok ? [] : [...new Set([...errors.matchAll(/^(\S+?):\d+/gm)].map((match) => match[1]))];
  },
};

let passed = 0;
let failed = 0;
for (const [rule, check] of Object.entries({ ...TEXT_RULES, ...BUILD_RULES })) {
  /** @type {string[]} */
  let complaints;
  try {
    complaints = check();
  } catch (error) {
    complaints = [error instanceof Error ? error.message : String(error)];
  }
  console.log(`${complaints.length === 0 ? 'ok' : 'BAD'}  ${rule}`);
  complaints.forEach((complaint) => console.log(`     ${complaint}`));
  if (complaints.length === 0) passed++;
  else failed++;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
