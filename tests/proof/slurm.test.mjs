// SPDX-License-Identifier: MIT
// The recipe of web/SCALE.md for Slurm, under a slurmctld and a slurmd of this test's own: an array of shards, then what
// combines them; a shard that fails, run again alone. Needs root, as slurmd does.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandIn, inShell, recipe, writeLabelled } from '../node/recipes.mjs';
import { temporaryFolder } from '../node/shared.mjs';

const PROGRAMS = ['munged', 'slurmctld', 'slurmd', 'sbatch'];
const missing = PROGRAMS.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
const skip =
  missing.length > 0
    ? `NOT TESTED: ${missing.join(', ')} not installed`
    : process.getuid?.() === 0
      ? false
      : 'NOT TESTED: slurmd needs root';
if (skip) process.stderr.write(`${skip}\n`);

const folder = temporaryFolder();
const host = os.hostname().split('.')[0];
/** @type {import('node:child_process').ChildProcess[]} */
const daemons = [];
after(() => daemons.reverse().forEach((daemon) => daemon.kill('SIGTERM')));

/** A port that nobody listens at. @returns {Promise<number>} */
const freePort = () =>
  new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => found(port));
    });
  });

/** @param {string} what @param {() => boolean} ready */
async function until(what, ready) {
  for (let i = 0; i < 300; i++) {
    if (ready()) return;
    await sleep(100);
  }
  assert.fail(`30 seconds without ${what}`);
}

/** One node, this machine, with two processors. @returns {Promise<NodeJS.ProcessEnv>} */
async function startSlurm() {
  const at = (/** @type {string} */ name) => join(folder, 'slurm', name);
  for (const name of ['state', 'spool', 'run']) mkdirSync(at(name), { recursive: true, mode: 0o755 });
  writeFileSync(at('key'), randomBytes(1024), { mode: 0o600 });
  writeFileSync(
    at('slurm.conf'),
    `ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${await freePort()}
SlurmdPort=${await freePort()}
AuthType=auth/munge
AuthInfo=socket=${at('run/munge')}
SlurmUser=root
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool')}
SlurmctldPidFile=${at('run/slurmctld.pid')}
SlurmdPidFile=${at('run/slurmd.pid')}
SlurmctldLogFile=${at('slurmctld.log')}
SlurmdLogFile=${at('slurmd.log')}
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
NodeName=${host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
`,
  );
  const env = { ...commandIn(folder), SLURM_CONF: at('slurm.conf') };
  const start = (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
    daemons.push(spawn(name, args, { env, stdio: 'ignore' }));
  const run = ['key-file', 'socket', 'pid-file', 'log-file', 'seed-file'].map(
    (name, i) => `--${name}=${at(['key', 'run/munge', 'run/munge.pid', 'run/munge.log', 'run/seed'][i])}`,
  );
  start('munged', '--foreground', '--force', ...run);
  await until('munged', () => existsSync(at('run/munge')));
  start('slurmctld', '-D', '-c');
  start('slurmd', '-D', '-N', host);
  await until('an idle node', () => / idle /.test(spawnSync('sinfo', { env, encoding: 'utf8' }).stdout));
  return env;
}

test('an array of shards, and the job that combines them', { skip }, async () => {
  const env = await startSlurm();
  writeLabelled(folder);
  const [script, submit] = recipe('Slurm');
  writeFileSync(join(folder, 'shards.sh'), script);
  const checked = await inShell('sbatch --test-only shards.sh', folder, env);
  assert.equal(checked.status, 0, checked.stderr);
  const { status, stderr } = await inShell(submit.replace('--wrap', '--wait --wrap'), folder, env);
  assert.equal(status, 1, stderr); // of --combine: an image cannot be read
  const result = readFileSync(join(folder, 'result.txt'), 'utf8');
  const whole = await inShell('vit158 eval labelled --confusion 2>&1', folder, env);
  const unmeasured = (/** @type {string} */ text) => text.replace(/median [\d.]+ ms/, '');
  assert.equal(unmeasured(result), unmeasured(whole.stdout));
  assert.match(result, /none\.jpg: image: .*\n5 images, .*, 1 failed\n/);

  // A shard that is lost is run again alone.
  rmSync(join(folder, 'part3.json'));
  const incomplete = await inShell('vit158 eval --combine part?.json', folder, env);
  assert.deepEqual([incomplete.status, incomplete.stderr], [1, 'vit158 eval: shard 3 of 4 is missing\n']);
  assert.equal((await inShell('sbatch --wait --array=3 shards.sh', folder, env)).status, 0);
  const again = await inShell('vit158 eval --combine part?.json --confusion 2>&1', folder, env);
  assert.equal(unmeasured(again.stdout), unmeasured(whole.stdout));
});
