// What the figures depend on: processor, memory, versions.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { createKernels } from '@tuiqiao/kernels';

export function describeMachine() {
  const { features } = createKernels();
  return {
    processor: processorName(),
    logicalCores: os.cpus().length,
    memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
    platform: `${os.platform()} ${os.arch()}`,
    node: process.version,
    kernels: features.name,
    gemm: features.gemm,
    isa: features.isa,
    hasFastBf16: features.hasFastBf16,
    threads: features.threads,
    revision: revision(),
    loadAverage: os.loadavg()[0],
  };
}

function processorName() {
  const name = os.cpus()[0]?.model.trim() ?? 'unknown';
  try {
    // Virtual machines often hide the model's name; family and model number still tell which one it is.
    const text = readFileSync('/proc/cpuinfo', 'utf8');
    const field = (key) => new RegExp(`^${key}\\s*: (.*)$`, 'm').exec(text)?.[1];
    const family = field('cpu family');
    return family === undefined ? name : `${name} (family ${family}, model ${field('model')})`;
  } catch {
    return name;
  }
}

/** Short commit id, with `+` when files differ from it; null outside a repository. */
function revision() {
  try {
    const git = (...args) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+')
    );
  } catch {
    return null;
  }
}
