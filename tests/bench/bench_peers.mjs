// SPDX-License-Identifier: MIT
// `npm run bench:peers`: onnxruntime-web and ours on the same ViTs, weights and images, in one
// interleaved run, and the ratios; on request onnxruntime's native library and our command, too. Each
// system is at its best: SIMD, the threads asked for.
import { fork, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ARCHITECTURES } from './models.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, 'build/bench');
const COMMAND = join(ROOT, 'build/native/vit158');
const HELP = `usage: npm run bench:peers -- [options]

  --models LIST   tiny, small, base, large: ViT/16 at 224 x 224 with random ternary weights
                  (default: tiny,base)
  --threads N     threads of each system (default: 1)
  --rounds N      rounds; in each, every system runs after the other, as often as fits a quarter of
                  a second (default: 11)
  --no-fp32       leave onnxruntime-web's float model out
  --native        the native command and onnxruntime-node, too
  --norms LIST    norms a block of our models: 2 (the peers' graph), 6 (ViT-1.58b); default 2
  --json          one JSON object a line, ratios included

Needs the native command (npm run build:native) and Debian's python3-onnx.`;

const SIDE = 224;
const WARM_UP_MS = 1500;
/** A turn: longer than a process needs to be up to speed after a rest, the same for every system. */
const TURN_MS = 250;

const ORT_NATIVE = 'onnxruntime-node';
const { resolve } = createRequire(import.meta.url);
/** The same release as of onnxruntime-web. */
const ORT_VERSION = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).devDependencies['onnxruntime-web'];

function hasOrtNative() {
  try {
    return resolve(ORT_NATIVE) !== '';
  } catch {
    return false;
  }
}

/** @param {string} command @param {string[]} args */
function make(command, args) {
  const made = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (made.status !== 0) throw new Error(`${command} ${args[0]} failed`);
}

/** What has to be installed or built first, as sentences. @param {boolean | undefined} native */
function missing(native) {
  const python = spawnSync('/usr/bin/python3', ['-c', 'import onnx'], { stdio: 'ignore' });
  return [
    ...(existsSync(COMMAND) ? [] : ['the native command is missing: npm run build:native']),
    ...(python.status === 0 ? [] : ["Debian's python3-onnx is missing: apt-get install python3-onnx"]),
    ...(!native || hasOrtNative()
      ? []
      : [
          `${ORT_NATIVE} is missing (300 MB, not among the dependencies): ` +
            `npm install --no-save --ignore-scripts ${ORT_NATIVE}@${ORT_VERSION}`,
        ]),
  ];
}

/** Our model and its ONNX copies, made once. @param {keyof typeof ARCHITECTURES} name @param {string} norms */
function modelFiles(name, norms) {
  mkdirSync(FOLDER, { recursive: true });
  const ours = join(FOLDER, `vit-${name}-${norms}norms.safetensors`);
  if (!existsSync(ours)) make(COMMAND, ['synth', '--arch', ARCHITECTURES[name], '--norms', norms, '-o', ours]);
  const fp32 = join(FOLDER, `vit-${name}-fp32.onnx`);
  const int8 = join(FOLDER, `vit-${name}-int8.onnx`);
  if (norms === '2' && !existsSync(int8))
    make('/usr/bin/python3', [join(ROOT, 'tests/bench/peers/make_onnx.py'), ours, `fp32=${fp32}`, `int8=${int8}`]);
  return { ours, fp32, int8 };
}

/** A system in a child process. */
class Peer {
  /** @type {number[]} */
  ms = [];
  /** @type {any} */
  last = {};

  /** @param {string} system @param {string} precision @param {string} file @param {number} threads */
  constructor(system, precision, file, threads) {
    this.precision = precision;
    this.child = fork(join(ROOT, 'tests/bench/peers/child.mjs'), { stdio: ['ignore', 2, 2, 'ipc'] });
    this.setup = { system, file, threads, side: SIDE };
    /** @type {Promise<never>} */
    this.death = new Promise((_, reject) =>
      this.child.once('exit', (code) => reject(new Error(`${system} ended with ${code}`))),
    );
    this.death.catch(() => {}); // at the end it is killed
  }

  /** @param {object} message @returns {Promise<any>} */
  ask(message) {
    const answer = new Promise((resolve) => this.child.once('message', resolve));
    this.child.send(message);
    return Promise.race([answer, this.death]);
  }

  async start() {
    this.first = await this.ask(this.setup);
    const end = performance.now() + WARM_UP_MS;
    do this.last = await this.ask({ runs: 2 });
    while (performance.now() < end);
  }

  async round() {
    const runs = Math.max(1, Math.round(TURN_MS / Math.min(...this.last.ms)));
    this.last = await this.ask({ runs });
    this.ms.push(...this.last.ms);
  }

  end() {
    this.child.kill();
  }

  /** @param {string} model */
  row(model) {
    const sorted = [...this.ms].sort((a, b) => a - b);
    return {
      kind: 'model',
      system: this.setup.system,
      model,
      precision: this.precision,
      threads: this.setup.threads,
      env: this.setup.system === 'ort_native' ? 'native' : 'node',
      median_ms: sorted[sorted.length >> 1],
      min_ms: sorted[0],
      max_ms: sorted[sorted.length - 1],
      load_ms: this.first.load_ms,
      first_ms: this.first.first_ms,
      wasm_mb: this.last.wasm_bytes > 0 ? this.last.wasm_bytes / 2 ** 20 : undefined,
      rss_mb: this.last.rss_bytes / 2 ** 20,
      size_bytes: statSync(this.setup.file).size,
    };
  }
}

/** Our native command, started anew each turn: it loads, warms up and then times its runs. */
class Command {
  env = 'native';
  /** @type {number[]} */
  ms = [];

  /** @param {string} file @param {number} threads */
  constructor(file, threads) {
    this.file = file;
    this.threads = threads;
  }

  /** @param {number} runs */
  bench(runs) {
    const args = ['bench', '-m', this.file, '--threads', String(this.threads), '--runs', String(runs), '--json'];
    const done = spawnSync(COMMAND, args, { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`vit158 bench: ${done.stderr}`);
    return JSON.parse(done.stdout.split('\n')[0]);
  }

  async start() {
    this.first = this.bench(5);
  }

  async round() {
    this.ms.push(this.bench(Math.max(5, Math.round(TURN_MS / this.first.median_ms))).median_ms);
  }

  end() {}

  /** @param {string} model */
  row(model) {
    const sorted = [...this.ms].sort((a, b) => a - b);
    return {
      ...this.first,
      model,
      median_ms: sorted[sorted.length >> 1],
      min_ms: sorted[0],
      max_ms: sorted[sorted.length - 1],
      size_bytes: statSync(this.file).size,
    };
  }
}

/** @param {number[]} a @param {number[]} b */
function cosine(a, b) {
  const dot = (/** @type {number[]} */ x, /** @type {number[]} */ y) => x.reduce((sum, v, i) => sum + v * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** @param {string} model @param {any} options */
async function compare(model, options) {
  const threads = Number(options.threads);
  const peers = [];
  const norms = options.norms.split(',');
  for (const count of norms)
    peers.push(
      new Peer(
        'vit158',
        count === '2' ? 'ternary' : `ternary ${count} norms`,
        modelFiles(/** @type {any} */ (model), count).ours,
        threads,
      ),
    );
  const { int8, fp32 } = modelFiles(/** @type {any} */ (model), '2');
  peers.push(new Peer('ort_web', 'int8', int8, threads));
  if (!options['no-fp32']) peers.push(new Peer('ort_web', 'fp32', fp32, threads));
  if (options.native) {
    peers.push(new Command(modelFiles(/** @type {any} */ (model), '2').ours, threads));
    peers.push(new Peer('ort_native', 'int8', int8, threads));
    if (!options['no-fp32']) peers.push(new Peer('ort_native', 'fp32', fp32, threads));
  }
  try {
    for (const peer of peers) await peer.start();
    for (let i = 0; i < Number(options.rounds); i++) for (const peer of peers) await peer.round();
    const rows = peers.map((peer) => peer.row(model));
    for (const row of rows) print(row, options.json);
    for (const [i, row] of rows.entries())
      if (i > 0)
        print(
          {
            kind: 'ratio',
            model,
            threads,
            of: `${row.system} ${row.precision}${row.env === 'native' ? ' native' : ''}`,
            to: 'vit158 ternary',
            time: row.median_ms / rows[0].median_ms,
            load_and_first: (row.load_ms + row.first_ms) / (rows[0].load_ms + rows[0].first_ms),
            wasm_memory: row.wasm_mb ? row.wasm_mb / rows[0].wasm_mb : undefined,
            file: row.size_bytes / rows[0].size_bytes,
            cosine:
              peers[i].first.logits && !row.precision.includes('norms')
                ? cosine(peers[i].first.logits, peers[0].first.logits)
                : undefined,
          },
          options.json,
        );
  } finally {
    for (const peer of peers) peer.end();
  }
}

/** @param {Record<string, any>} row @param {boolean | undefined} json */
function print(row, json) {
  if (json) return console.log(JSON.stringify(row));
  const numbers = Object.entries(row)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key} ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`);
  console.log(numbers.join('  '));
}

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: 'tiny,base' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '11' },
    norms: { type: 'string', default: '2' },
    'no-fp32': { type: 'boolean' },
    native: { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(HELP);
} else {
  const complaints = missing(values.native);
  if (complaints.length > 0) {
    console.error(`bench:peers: ${complaints.join('\nbench:peers: ')}`);
    process.exit(1);
  }
  for (const model of values.models.split(',')) {
    if (!(model in ARCHITECTURES)) throw new Error(`unknown model ${model}\n\n${HELP}`);
    await compare(model, values);
  }
}
