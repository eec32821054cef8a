// agentd among its peers: one worker process, workflows as files, everything in Postgres. Each step's result is a journal
// row; attempt and output are kept. W4 is a model step: the question's worst case is reserved before it and settled after it.
//
// AGENTD_BIN_DIR is where agentd and agentctl are (else they are looked for in PATH), AGENTD_SQL where the schema is unless it is installed.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { dbUrl, pool, STUB_PORT } from '../lib.mjs';
const N = 'agentd', url = dbUrl(N);
const program = (name) => (process.env.AGENTD_BIN_DIR ? path.join(process.env.AGENTD_BIN_DIR, name) : name);
// The driver writes it in setup(), the worker process reads it.
const dir = path.join(os.tmpdir(), `agentd-peer-${new URL(url).port || 5432}`), settings = path.join(dir, 'agentd.yaml');
const version = execFileSync(program('agentd'), ['--version'], { encoding: 'utf8' }).trim().split(' ').pop();

export const meta = { pkgs: [], version: { agentd: version }, db: 'pg', pollMs: 0 };
export const variants = {
  w1: [{ label: 'slots 1000 batch 500 (default)' }, { label: 'slots 2000 batch 1000', slots: 2000, batch: 1000 }],
  w2: [{ label: 'slots 1000 batch 500 (default)' }, { label: 'slots 200 batch 100', slots: 200, batch: 100 }],
  w3: [{ label: 'default' }],
  w4: [{ label: 'slots 1000 (default)' }],
};

const workflow = (name, steps) => fs.writeFileSync(path.join(dir, 'workflows', `${name}.yaml`), `agentd: v1\nname: ${name}\nsteps:\n${steps}\n`);
const step = (s) => `  - id: s${s}\n    set: {last: {step: ${s}, n: ${s === 1 ? 1 : '"${ .vars.last.n + 1 }"'}}}`;
function writeFiles() {
  fs.rmSync(dir, { recursive: true, force: true });
  for (const d of ['workflows', 'policies', 'tools.d']) fs.mkdirSync(path.join(dir, d), { recursive: true });
  workflow('w1', '  - id: noop\n    set: {ok: true, i: "${ .input.i }"}');
  workflow('w2', [1, 2, 3, 4, 5].map(step).join('\n'));
  workflow('w4', '  - id: ask\n    model: {tier: slow, prompt: "hello ${ .input.i }", max_output: 50}');
  fs.writeFileSync(path.join(dir, 'policies', 'routing.yaml'), `agentd: v1
providers: {stub: {wire: openai, base_url: "http://127.0.0.1:${STUB_PORT}/v1", key_env: []}}
models: {stub: {provider: stub, id: stub, context: 8192, max_output: 100, price: {input: 0.10, output: 0.40, as_of: 2026-11-01}}}
tiers: {slow: {steps: [{model: stub}]}}
`);
}
function writeSettings({ slots = 1000, batch = 500 }) {
  fs.writeFileSync(settings, `agentd: v1
database: "${url}"
config_dir: ${dir}
workspace_dir: ${path.join(dir, 'workspaces')}
log_level: warn
worker: {slots: ${slots}, batch: ${batch}}
`);
}
const ctl = (...args) => execFileSync(program('agentctl'), ['-c', settings, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

export async function setup() {
  writeFiles();
  writeSettings({});
  ctl('migrate');
  ctl('reload');
}

export async function openClient() {
  const p = pool(N, 10);
  return {
    enqueue: async (kind, i) => (await p.query('select agentd.submit($1, $2) id', [kind, JSON.stringify({ i })])).rows[0].id,
    bulk: async (kind, n) => { await p.query("select count(agentd.submit($1, json_build_object('i', i))) from generate_series(0, $2 - 1) i", [kind, n]); },
    // A task leaves the queue in the transaction that writes its outcome.
    allDone: async () => (await p.query('select not exists(select from agentd.task_queue) d')).rows[0].d,
    isDone: async (id) => (await p.query('select not exists(select from agentd.task_queue where id = $1) d', [id])).rows[0].d,
    close: async () => {
      const { rows } = await p.query("select count(*)::int n from agentd.tasks where state <> 'succeeded'");
      await p.end();
      if (rows[0].n) throw new Error(`${rows[0].n} tasks did not succeed`);
    },
  };
}

export async function startWorker(kind, o, hooks) {
  writeSettings(o);
  const child = spawn(program('agentd'), ['-c', settings, 'worker'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = new Promise((resolve) => child.on('exit', resolve));
  process.on('exit', () => child.kill('SIGKILL'));
  child.on('error', (e) => { console.error(`agentd: ${e.message}`); process.exit(1); });
  hooks.begin();
  hooks.all();
  return { pid: child.pid, stop: async () => { child.kill('SIGTERM'); await gone; } };
}
