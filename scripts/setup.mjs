// Set-up: dependencies, the native kernels, the TypeScript build, the studio's page. Every step is skipped when its inputs have not
// changed, so that calling this before each command costs a fraction of a second. Plain Node: nothing is installed yet.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const stampFile = path.join(root, 'node_modules', '.tuiqiao-setup.json');
const isQuiet = process.argv.includes('--quiet');
const MINIMUM_NODE = [20, 20];
/** npm prints its whole usage text after an error; the reason stands in the first lines. */
const NPM_LINES_SHOWN = 8;

function say(text) {
  if (!isQuiet) process.stderr.write(`${text}\n`);
}

function fail(sentence) {
  process.stderr.write(`setup: ${sentence}\n`);
  process.exit(3);
}

function run(command, args, { cwd = root, quiet = true, env = process.env } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: quiet ? 'pipe' : 'inherit',
    maxBuffer: 1 << 28,
  });
  return { ok: result.status === 0, output: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}` };
}

/** Newest modification and content hash of a list of files and folders, as one string. */
function fingerprint(entries) {
  const hash = createHash('sha256');
  const visit = (entry) => {
    if (!existsSync(entry)) return;
    const info = statSync(entry);
    if (info.isDirectory()) {
      for (const name of readdirSync(entry).sort()) {
        if (name !== 'node_modules' && name !== 'dist' && name !== 'build') visit(path.join(entry, name));
      }
    } else {
      hash.update(path.relative(root, entry)).update(readFileSync(entry));
    }
  };
  for (const entry of entries) visit(path.join(root, entry));
  return hash.digest('hex');
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

function writeStamp(stamp) {
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify(stamp));
}

function installDependencies(stamp) {
  const wanted = fingerprint(['package-lock.json', 'package.json']);
  if (stamp.dependencies === wanted && existsSync(path.join(root, 'node_modules', 'typescript'))) return;
  say('setup 1/4  dependencies (npm ci) …');
  const result = run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  if (!result.ok)
    fail(
      `npm ci failed; check the network and npm's registry setting.\n${result.output.trim().split('\n').slice(0, NPM_LINES_SHOWN).join('\n')}`,
    );
  stamp.dependencies = wanted;
  stamp.native = undefined;
  writeStamp(stamp);
}

function has(command) {
  return run('sh', ['-c', `command -v ${command}`]).ok;
}

/** Where oneDNN's headers are, or undefined. */
function findOneDnn() {
  const prefixes = ['/usr', '/usr/local', '/opt/homebrew', '/opt/homebrew/opt/onednn', '/usr/local/opt/onednn'];
  return prefixes.find(
    (prefix) =>
      existsSync(path.join(prefix, 'include', 'dnnl.hpp')) ||
      existsSync(path.join(prefix, 'include', 'oneapi', 'dnnl', 'dnnl.hpp')),
  );
}

function installOneDnn() {
  const isDebianRoot = process.platform === 'linux' && process.getuid?.() === 0 && has('apt-get');
  if (!isDebianRoot) return;
  say('setup 2/4  installing oneDNN (apt-get install libdnnl-dev) …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  if (!run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'libdnnl-dev'], { env }).ok) {
    run('apt-get', ['update', '-qq'], { env });
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'libdnnl-dev'], { env });
  }
}

/** The folder with include/node/node_api.h of the running Node, where a distribution or tarball already has it. */
function findNodeHeaders() {
  const prefix = path.resolve(path.dirname(process.execPath), '..');
  return [prefix, '/usr', '/usr/local', '/opt/homebrew'].find((dir) =>
    existsSync(path.join(dir, 'include', 'node', 'node_api.h')),
  );
}

function buildNative(stamp) {
  const packageDir = path.join(root, 'packages', 'kernels');
  if (!existsSync(path.join(packageDir, 'binding.gyp'))) return;
  const addon = path.join(packageDir, 'build', 'Release', 'tuiqiao_kernels.node');
  const wanted = `${fingerprint(['packages/kernels/native', 'packages/kernels/binding.gyp'])} ${process.versions.modules} ${process.arch}`;
  if (stamp.native === wanted && (existsSync(addon) || stamp.nativeSkipped)) return;
  const compiler = process.env.CXX ?? ['g++', 'clang++', 'c++'].find(has);
  if (compiler === undefined || !has('make')) {
    say(
      'setup 2/4  no C++ compiler: the plain-TypeScript kernels will be used, about 100 times slower. Install one with `apt-get install g++ make python3` (Debian/Ubuntu) or `xcode-select --install` (macOS), then run again.',
    );
    stamp.native = undefined;
    writeStamp(stamp);
    return;
  }
  if (findOneDnn() === undefined) installOneDnn();
  const oneDnn = findOneDnn();
  if (oneDnn === undefined) {
    say(
      'setup 2/4  oneDNN not found: the portable matrix kernel is built. Training is several times faster with `apt-get install libdnnl-dev` or `brew install onednn`.',
    );
  }
  say(`setup 2/4  native kernels (${oneDnn ? 'oneDNN' : 'portable'}) …`);
  const headers = findNodeHeaders();
  const gyp = path.join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const args = [gyp, 'rebuild', '--silent', '--jobs', 'max', ...(headers ? [`--nodedir=${headers}`] : [])];
  const env = { ...process.env, TUIQIAO_ONEDNN_PREFIX: oneDnn ?? '' };
  const result = run(process.execPath, args, { cwd: packageDir, env });
  stamp.nativeSkipped = !result.ok;
  if (!result.ok) {
    rmSync(path.join(packageDir, 'build'), { recursive: true, force: true });
    const log = path.join(root, 'node_modules', '.tuiqiao-native-build.log');
    writeFileSync(log, result.output);
    say(
      `setup 2/4  the native build failed (log: ${path.relative(root, log)}); the plain-TypeScript kernels will be used, about 100 times slower.`,
    );
  }
  stamp.native = wanted;
  writeStamp(stamp);
}

function buildTypeScript() {
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = run(process.execPath, [tsc, '-b', '--pretty', 'false']);
  if (!result.ok) fail(`the TypeScript build failed:\n${result.output.trim()}`);
}

/** `check` in a few files, which start faster; without them it runs from what was compiled. */
function bundleCheck() {
  const result = run(process.execPath, [path.join(root, 'scripts', 'check-bundle.mjs')]);
  if (!result.ok) rmSync(path.join(root, 'apps', 'cli', 'dist', 'bundle'), { recursive: true, force: true });
}

/** The page is a part of its own: without it everything else works, and the server says so at `/`. */
function buildStudio() {
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const result = run(process.execPath, [vite, 'build'], { cwd: path.join(root, 'apps', 'studio') });
  if (result.ok) return true;
  const log = path.join(root, 'node_modules', '.tuiqiao-studio-build.log');
  writeFileSync(log, result.output);
  say(`setup 4/4  the studio's page could not be built (log: ${path.relative(root, log)}); the rest works without it.`);
  return false;
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
  fail(`Node ${MINIMUM_NODE.join('.')} or newer is needed, this is ${process.versions.node}.`);
}
const stamp = readStamp();
installDependencies(stamp);
buildNative(stamp);
const sources = fingerprint(['packages', 'apps', 'tsconfig.base.json', 'tsconfig.json']);
if (stamp.build !== sources || !existsSync(path.join(root, 'apps', 'cli', 'dist', 'main.js'))) {
  say('setup 3/4  TypeScript …');
  buildTypeScript();
  bundleCheck();
  stamp.build = sources;
  writeStamp(stamp);
}
const page = fingerprint(['apps/studio', 'packages/schema/src', 'packages/prosody/src', 'package-lock.json']);
if (stamp.studio !== page || !existsSync(path.join(root, 'apps', 'studio', 'dist', 'index.html'))) {
  say('setup 4/4  studio …');
  stamp.studio = buildStudio() ? page : undefined;
  writeStamp(stamp);
}
