/** `manifest.json`: what a run was made of: data by hash, versions, machine, seed, and how it ended. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import os from 'node:os';
import type { Metrics } from '@tuiqiao/schema';

export interface ManifestData {
  /** As the recipe names it. */
  readonly name: string;
  readonly path?: string;
  readonly sha256: string;
  /** Examples, poems or pairs taken from it. */
  readonly samples?: number;
}

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
}

export interface RunManifest {
  readonly name: string;
  readonly stage: string;
  readonly outcome: 'running' | 'done' | 'aborted' | 'failed';
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly data: readonly ManifestData[];
  /** Which kernels computed, as they describe themselves. */
  readonly kernels?: Readonly<Record<string, string | number | boolean>>;
  /** Steps at which the run was taken up again. */
  readonly resumedFrom: readonly number[];
  readonly metrics: Metrics;
}

export function describeMachine(): Machine {
  return {
    platform: `${os.platform()} ${os.release()}`,
    arch: os.arch(),
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
  };
}

export function describeVersions(): Record<string, string> {
  const ours = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return { tuiqiao: ours.version, node: process.versions.node };
}

/** SHA-256 of a file's bytes, hexadecimal, read in pieces. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
