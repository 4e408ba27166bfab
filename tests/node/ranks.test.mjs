// SPDX-License-Identifier: MIT
// `mpirun -n R vit158 train`: with --deterministic the same bytes for any number of ranks and threads, also when it
// changes on the way; ranks that differ are refused; a rank that dies ends the job at once, and the run goes on from
// its checkpoint to the same bytes.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT, temporaryFolder } from './shared.mjs';

const COMMAND = join(ROOT, 'build/native/vit158');
const LIMIT = 60_000;
const cwd = temporaryFolder();
/** Open MPI runs as root, and with more ranks than cores, only if told to. */
const env = {
  ...process.env,
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  OMPI_MCA_mpi_yield_when_idle: '1',
  OMPI_MCA_plm_rsh_agent: 'false', // all ranks are here: mpirun needs no ssh to be installed
};

/** @param {string} name @param {number} seed records in CIFAR's format; the label sets the brightness */
function writePictures(name, seed) {
  const bytes = Buffer.alloc(120 * 3073);
  let noise = seed;
  for (let i = 0; i < 120; i++) {
    bytes[i * 3073] = i % 10;
    for (let j = 1; j < 3073; j++) {
      noise = (noise * 1103515245 + 12345) & 0x7fffffff;
      bytes[i * 3073 + j] = 20 * (i % 10) + ((noise >> 24) % 64);
    }
  }
  mkdirSync(join(cwd, name, '..'), { recursive: true });
  writeFileSync(join(cwd, name), bytes);
}
writePictures('pictures.bin', 1);
writePictures('others/pictures.bin', 2);
writeFileSync(
  join(cwd, 'tiny.recipe'),
  `train_data = pictures.bin
val_every = 6
dim = 32
heads = 2
depth = 2
mlp_dim = 32
batch = 28
microbatch = 4
epochs = 8
threads = 1
deterministic = 1
warmup_steps = 2
ema = 0.9
drop_path = 0.1
mix = 0.5
flip = 1
eval_minutes = 0
checkpoint_minutes = 0
`,
);

/** @param {string[]} mpi @param {string[]} args of train */
const mpirun = (mpi, ...args) => ({ mpi, args: [COMMAND, 'train', 'tiny.recipe', '-q', ...args] });

/** @param {{mpi: string[], args: string[]}} call */
function run({ mpi, args }) {
  const begin = Date.now();
  const { status, stdout, stderr } = spawnSync('mpirun', [...mpi, ...args], {
    cwd,
    env,
    encoding: 'utf8',
    timeout: LIMIT,
  });
  assert.ok(Date.now() - begin < LIMIT, `${args.join(' ')}: a minute without an end`);
  return { status, stdout, stderr };
}

/** @param {number} ranks */
const ranks = (ranks) => ['-n', String(ranks)];

const there = spawnSync('mpirun', ['--version']).status === 0;
const probe = there
  ? run(mpirun(ranks(2), '-o', 'probe', '--max-steps', '1'))
  : { status: 1, stderr: 'there is no mpirun' };
const skip =
  there && !probe.stderr.includes('this build has no MPI') ? false : `NOT TESTED: ${probe.stderr.split('\n')[0]}`;
if (skip) process.stderr.write(`${skip}\n`);

/** What a run has left, but for its clock. @param {string} name */
function left(name) {
  const checkpoint = readFileSync(join(cwd, name, 'last.ckpt'));
  return {
    checkpoint: checkpoint.subarray(8 + Number(checkpoint.readBigUInt64LE(0))),
    last: readFileSync(join(cwd, name, 'last.safetensors')),
    best: readFileSync(join(cwd, name, 'best.safetensors')),
  };
}

/** The validations of a run. @param {string} name */
const validations = (name) =>
  readFileSync(join(cwd, name, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === 'eval')
    .map(({ minutes: _, ...rest }) => JSON.stringify(rest));

let whole = /** @type {ReturnType<typeof left> | undefined} */ (undefined);
function alone() {
  if (!whole) {
    const { status, stderr } = spawnSync(COMMAND, mpirun([], '-o', 'alone').args.slice(1), { cwd, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    whole = left('alone');
  }
  return whole;
}

test('ranks and threads change no bit', { skip }, () => {
  const expected = alone();
  for (const [r, t] of [
    [1, 2],
    [1, 4],
    [2, 1],
    [2, 2],
    [3, 1],
    [8, 1],
  ]) {
    const name = `r${r}t${t}`;
    const { status, stderr } = run(mpirun(ranks(r), '-o', name, '--threads', String(t)));
    assert.equal(status, 0, stderr);
    assert.deepEqual(left(name), expected, name);
    assert.deepEqual(validations(name), validations('alone'), name);
  }
});

test('ranks that change on the way change no bit', { skip }, () => {
  let from = /** @type {string[]} */ ([]);
  for (const [r, steps] of [
    [2, 5],
    [3, 11],
    [1, 20],
    [4, 1000],
  ]) {
    const { status, stderr } = run(mpirun(ranks(r), '-o', 'changing', '--max-steps', String(steps), ...from));
    assert.equal(status, 0, stderr);
    from = ['--resume', 'changing/last.ckpt'];
  }
  const { checkpoint, last } = left('changing');
  assert.deepEqual({ checkpoint, last }, { checkpoint: alone().checkpoint, last: alone().last });
});

test('without --deterministic all ranks keep the same weights', { skip }, () => {
  const { status, stderr } = run(mpirun(ranks(3), '-o', 'loose', '--set', 'deterministic=0', '--threads', '2'));
  assert.equal(status, 0, stderr); // they are compared before each checkpoint
  assert.equal(validations('loose').length, validations('alone').length);
});

test('ranks that differ are refused before the first step', { skip }, () => {
  const two = (/** @type {string[]} */ first, /** @type {string[]} */ second, name = '') => ({
    mpi: [],
    args: [
      ...ranks(1),
      ...mpirun([], '-o', name, ...first).args,
      ':',
      ...ranks(1),
      ...mpirun([], '-o', name, ...second).args,
    ],
  });
  for (const [name, call, sentence] of /** @type {[string, {mpi: string[], args: string[]}, RegExp][]} */ ([
    ['d1', two([], ['--set', 'lr=0.1'], 'd1'), /vit158 train: rank 1 has another recipe than rank 0\n/],
    [
      'd2',
      two([], ['--set', 'train_data=others/pictures.bin'], 'd2'),
      /vit158 train: rank 1 has another set of images than rank 0\n/,
    ],
    ['d3', mpirun(ranks(3), '-o', 'd3', '--set', 'slots=2'), /vit158 train: 3 ranks need as many slots, there are 2\n/],
    [
      'd4',
      mpirun(ranks(2), '-o', 'd4', '--set', 'teacher_answers=a', '--set', 'teacher=t', '--set', 'teacher_epochs=1'),
      /vit158 train: teacher_answers is for one rank/,
    ],
  ])) {
    const { status, stderr } = run(call);
    assert.notEqual(status, 0, name);
    assert.match(stderr, sentence);
    assert.equal(stderr.match(/^vit158 /gm)?.length, 1, `one sentence: ${stderr}`);
    assert.ok(!existsSync(join(cwd, name, 'last.ckpt')), name);
  }
  const { status, stderr } = run({ mpi: ranks(2), args: [COMMAND, 'finetune', 'others', '-o', 'x.safetensors'] });
  assert.notEqual(status, 0);
  assert.match(stderr, /vit158 finetune: only vit158 train runs on several ranks/);
});

/** The processes of a job by rank. @param {number} mpirun its process */
function processesOf(mpirun) {
  const found = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, parent] = /\) \S+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      if (Number(parent) !== mpirun) continue;
      const [, rank] = /OMPI_COMM_WORLD_RANK=(\d+)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? [];
      if (rank !== undefined) found.set(Number(rank), Number(pid));
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** Starts a run on 3 ranks, and sends a signal to one after so many validations. @param {string} name @param {number} victim @param {NodeJS.Signals} signal @param {number} after */
async function interrupt(name, victim, signal, after) {
  const { mpi, args } = mpirun(ranks(3), '-o', name);
  const job = spawn('mpirun', [...mpi, ...args], { cwd, env, stdio: 'ignore' });
  const ended = new Promise((resolve) => job.on('close', resolve));
  const log = join(cwd, name, 'log.jsonl');
  while (job.exitCode === null && !(existsSync(log) && readFileSync(log, 'utf8').split('"eval"').length > after))
    await sleep(2);
  await sleep(Math.random() * 15);
  const pid = processesOf(/** @type {number} */ (job.pid)).get(victim);
  assert.ok(pid !== undefined && job.exitCode === null, 'the run was still going on');
  process.kill(pid, signal);
  const status = await Promise.race([ended, sleep(LIMIT, 'hangs')]);
  if (status === 'hangs') job.kill('SIGKILL');
  assert.notEqual(status, 'hangs', `${name}: a minute without an end`);
  return status;
}

for (const victim of [0, 1, 2]) {
  test(`rank ${victim} killed: the job ends, and goes on from its checkpoint to the same bytes`, { skip }, async () => {
    const name = `killed${victim}`;
    assert.notEqual(await interrupt(name, victim, 'SIGKILL', 3 + 4 * victim), 0);
    const { status, stderr } = run(mpirun(ranks(2), '-o', name, '--resume', `${name}/last.ckpt`));
    assert.equal(status, 0, stderr);
    const { checkpoint, last } = left(name);
    assert.deepEqual({ checkpoint, last }, { checkpoint: alone().checkpoint, last: alone().last });
  });
}

test('SIGTERM to any rank ends the run with a checkpoint', { skip }, async () => {
  assert.equal(await interrupt('ended', 1, 'SIGTERM', 4), 0);
  assert.ok(validations('ended').length < validations('alone').length);
  assert.equal(run(mpirun(ranks(1), '-o', 'ended', '--resume', 'ended/last.ckpt')).status, 0);
  assert.deepEqual(left('ended').checkpoint, alone().checkpoint);
});
