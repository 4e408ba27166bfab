// SPDX-License-Identifier: MIT
// The readers of the JavaScript library: any bytes give an object, or a Vit158Error with a sentence.
// `node tests/fuzz/fuzz_js.mjs SECONDS [SEED]`. Inputs are mutations of the corpora of the C targets
// that read the same files; those that cover a new block (V8's precise coverage) are kept and mutated
// further. Prints what libFuzzer prints, so that run.mjs reads both alike.
import { readFileSync, readdirSync, writeFileSync, mkdirSync, existsSync } from 'node:fs';
import inspector from 'node:inspector/promises';
import { join } from 'node:path';
import { classesText, readClasses } from '../../web/lib/classes_file.js';
import { isVit158Error } from '../../web/lib/errors.js';
import { goldenText, readGolden } from '../../web/lib/golden_file.js';
import { sizedModel } from '../../web/lib/model_stream.js';
import { refuseOthers } from '../../web/lib/what_is.js';
import { ROOT } from '../setup.mjs';

const BATCH = 100;
const WATCHED = /web\/lib\/(classes_file|golden_file|model_stream|what_is|source|errors)\.js$/;
const KEPT = join(ROOT, 'build/corpus/fuzz_js');

/** A model's bytes in pieces whose lengths the bytes decide. @param {Uint8Array} bytes */
function streamOf(bytes) {
  let at = 0;
  return /** @type {import('../../web/lib/source.js').ByteStream} */ (
    /** @type {unknown} */ ({
      name: 'fuzz',
      path: 'fuzz',
      length: 0,
      async pull() {
        if (at >= bytes.length) return undefined;
        const piece = bytes.subarray(at, at + 1 + bytes[at] * (bytes[at] % 5));
        at += piece.length;
        return piece;
      },
      async close() {},
    })
  );
}

/** @param {boolean} holds @param {string} what */
function require(holds, what) {
  if (!holds) throw new Error(what);
}

/** @type {{name: string, corpora: string[], run: (bytes: Uint8Array) => Promise<void>}[]} */
const READERS = [
  {
    name: 'golden',
    corpora: ['fuzz_golden'],
    async run(bytes) {
      const golden = await readGolden(bytes);
      const again = await readGolden(new TextEncoder().encode(goldenText(golden)));
      require(goldenText(again) === goldenText(golden), 'a golden file changes by being written');
    },
  },
  {
    name: 'classes',
    corpora: ['fuzz_classes'],
    async run(bytes) {
      const classes = await readClasses(bytes);
      const again = await readClasses(new TextEncoder().encode(classesText(classes)));
      require(classesText(again) === classesText(classes), 'a file of classes changes by being written');
    },
  },
  {
    name: 'model',
    corpora: ['fuzz_model'],
    async run(bytes) {
      const stream = await sizedModel(streamOf(bytes));
      require(Number.isSafeInteger(stream.size) && stream.size >= 0, `a size of ${stream.size}`);
      let sum = 0;
      for (let piece = await stream.pull(); piece; piece = await stream.pull()) sum += piece.length;
      require(sum === bytes.length, `${sum} of ${bytes.length} bytes came through`);
      require(stream.start.every((byte, i) => byte === bytes[i]), 'the start is not the start');
      refuseOthers('fuzz', bytes);
    },
  },
];

/** Numbers that are the same for a seed. @param {number} seed */
function random(seed) {
  let state = seed >>> 0 || 1;
  return (/** @type {number} */ below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const WORDS = [
  'null',
  '-1',
  '1e999',
  '{}',
  '[]',
  '""',
  '"__proto__"',
  '0.1',
  'true',
  '4294967296',
  '"\\u0000"',
  '\ufffd',
];

/**
 * Bytes changed once or a few times: one flipped, a run taken out, doubled or put elsewhere, a value
 * of JSON replaced.
 * @param {Uint8Array} bytes
 * @param {(below: number) => number} rng
 */
function mutate(bytes, rng) {
  let out = Buffer.from(bytes);
  for (let changes = 1 + rng(4); changes > 0; changes--) {
    const at = rng(out.length + 1);
    const end = Math.min(out.length, at + rng(1 << rng(8)));
    const word = Buffer.from(WORDS[rng(WORDS.length)]);
    const text = out.toString('latin1');
    const value = /[[:,]\s*("[^"]*"|[-\w.+]+)/y;
    value.lastIndex = Math.max(0, text.indexOf([':', ',', '['][rng(3)], at));
    const found = value.exec(text);
    const kind = rng(6);
    if (kind === 0 && out.length > 0) out[Math.min(at, out.length - 1)] = rng(256);
    else if (kind === 1) out = Buffer.concat([out.subarray(0, at), out.subarray(end)]);
    else if (kind === 2) out = Buffer.concat([out.subarray(0, end), out.subarray(at)]);
    else if (kind === 3) out = Buffer.concat([out.subarray(0, at), word, out.subarray(at)]);
    else if (found) {
      const from = found.index + found[0].length - found[1].length;
      out = Buffer.concat([out.subarray(0, from), word, out.subarray(from + found[1].length)]);
    }
  }
  return new Uint8Array(out.subarray(0, 65536));
}

/** @param {typeof READERS[number]} reader @param {Uint8Array} bytes */
async function execute(reader, bytes) {
  try {
    await reader.run(bytes);
  } catch (error) {
    if (isVit158Error(error) && error.message.length >= 10) return;
    const path = join(ROOT, `build/corpus/fuzz_js-failed-${reader.name}`);
    writeFileSync(path, bytes);
    console.error(`${reader.name}: ${path}`);
    throw error;
  }
}

/** Blocks that ran since the last call. @param {inspector.Session} session */
async function blocks(session) {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url }) => WATCHED.test(url))
    .flatMap(({ url, functions }) =>
      functions.flatMap(({ ranges }) =>
        ranges.filter(({ count }) => count > 0).map((r) => `${url}:${r.startOffset}-${r.endOffset}`),
      ),
    );
}

/** @param {number} seconds @param {number} seed */
async function main(seconds, seed) {
  const session = new inspector.Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  mkdirSync(KEPT, { recursive: true });
  const rng = random(seed);
  const corpora = READERS.map(({ name, corpora: folders }) =>
    [...folders.map((folder) => join(ROOT, 'tests/data/fuzz', folder)), join(KEPT, name)]
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((file) => new Uint8Array(readFileSync(join(folder, file))))),
  );
  /** @type {Set<string>} */
  const seen = new Set();
  const isNew = async () => {
    const before = seen.size;
    for (const block of await blocks(session)) seen.add(block);
    return seen.size > before;
  };
  let executions = 0;
  for (const [i, reader] of READERS.entries()) {
    for (const bytes of corpora[i]) await execute(reader, bytes);
    executions += corpora[i].length;
  }
  await isNew();
  for (const end = Date.now() + 1000 * seconds; Date.now() < end;) {
    const which = rng(READERS.length);
    const reader = READERS[which];
    const corpus = corpora[which];
    const inputs = Array.from({ length: BATCH }, () => mutate(corpus[rng(corpus.length)], rng));
    for (const bytes of inputs) await execute(reader, bytes);
    executions += BATCH;
    const known = new Set(seen);
    if (!(await isNew())) continue;
    for (const bytes of inputs) {
      await execute(reader, bytes);
      if (!(await blocks(session)).some((block) => !known.has(block))) continue;
      corpus.push(bytes);
      mkdirSync(join(KEPT, reader.name), { recursive: true });
      writeFileSync(join(KEPT, reader.name, `${seed}-${corpus.length}`), bytes);
      break;
    }
  }
  console.log(`#${executions} DONE cov: ${seen.size} corp: ${corpora.flat().length}`);
  console.log(`stat::number_of_executed_units: ${executions}`);
}

await main(Number(process.argv[2] ?? 10), Number(process.argv[3] ?? Date.now()));
