/**
 * Checkpoints of a run: `checkpoint-<step>/`, written whole into a temporary folder, synced, then renamed. A folder of
 * that name is therefore complete, whatever moment the process died at. It holds what an exact resume needs
 * (`parameters.safetensors`: the f32 masters bit for bit; `optimizer.safetensors`; `trainer_state.json`) beside what other
 * programs read (written by the caller's `exportTo`: PEFT adapter or Hugging Face model).
 */
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { readSafetensorsHeader, readTensorBytes, writeSafetensors } from '@tuiqiao/lm';
import type { Metrics } from '@tuiqiao/schema';
import { type Kernels, type Optimizer, type Parameter, type StateEntry, syncCompute } from '@tuiqiao/tensor';
import type { DataPosition } from './batching.ts';
import type { BestState } from './best-checkpoint.ts';
import type { DivergenceState } from './divergence.ts';
import { TuneError } from './errors.ts';
import type { StepLogState } from './step-log.ts';

const PARAMETERS_FILE = 'parameters.safetensors';
const OPTIMIZER_FILE = 'optimizer.safetensors';
const STATE_FILE = 'trainer_state.json';
const FOLDER = /^checkpoint-(\d+)$/;
const TEMPORARY = /^\.tmp-checkpoint-/;
/** Raised when the meaning of a field changes: an older file is then refused by name instead of misread. */
const FORMAT_VERSION = 1;

/** Everything of a run's position that is not a tensor. */
export interface TrainingState {
  /** Optimizer steps done. */
  readonly step: number;
  readonly totalSteps: number;
  /** Epochs done, with the fraction of the current one. */
  readonly epoch: number;
  /** Also the random state: shuffles and dropout masks are pure functions of seed, epoch and step. */
  readonly position: DataPosition;
  /** Real tokens seen. */
  readonly tokens: number;
  readonly elapsedSeconds: number;
  readonly lossSum: number;
  readonly stepLog: StepLogState;
  readonly divergence: DivergenceState;
  readonly history: readonly Metrics[];
  /** The lowest validation loss, once there was one. */
  readonly best?: BestState;
  /** What must be the same for a resume to mean the same run. */
  readonly fingerprint: Readonly<Record<string, string | number>>;
}

export interface SaveCheckpointOptions {
  readonly directory: string;
  readonly kernels: Kernels;
  readonly parameters: readonly Parameter[];
  readonly optimizer: Optimizer;
  readonly state: TrainingState;
  /** Steps between log entries, checkpoints and evaluations, as HF writes them. */
  readonly intervals: { readonly logging: number; readonly save: number; readonly evaluation: number };
  /** Checkpoints kept, the newest first. */
  readonly keep: number;
  /** Step whose checkpoint is never removed: the best so far. */
  readonly protectedStep?: number | undefined;
  readonly exportTo?: (folder: string) => Promise<void>;
}

/**
 * Writes `checkpoint-<step>` and removes those beyond `keep`. A checkpoint of the same step is left as it is: steps are
 * deterministic, so it already holds the same numbers.
 *
 * @returns the folder
 */
export async function saveCheckpoint(options: SaveCheckpointOptions): Promise<string> {
  const { directory, kernels, parameters, state } = options;
  const folder = path.join(directory, `checkpoint-${state.step}`);
  if (existsSync(folder)) return folder;
  const temporary = path.join(directory, `.tmp-checkpoint-${state.step}-${process.pid}`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await writeSafetensors(
      path.join(temporary, PARAMETERS_FILE),
      parameters.map((parameter) => ({
        name: parameter.name,
        dtype: 'F32' as const,
        shape: parameter.shape,
        bytes: () => kernels.readBytes(parameter.value),
      })),
    );
    await writeSafetensors(
      path.join(temporary, OPTIMIZER_FILE),
      [...options.optimizer.saveState()].map(([name, { byteLength, bytes }]) => ({
        name,
        dtype: 'U8' as const,
        shape: [byteLength],
        bytes,
      })),
    );
    await options.exportTo?.(temporary);
    await writeSynced(path.join(temporary, STATE_FILE), `${JSON.stringify(toTrainerState(options), null, 2)}\n`);
    await syncFolder(temporary);
    await rename(temporary, folder);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw cause;
  }
  await syncFolder(directory);
  for (const { path: old, step } of (await listCheckpoints(directory)).slice(Math.max(1, options.keep))) {
    if (step !== options.protectedStep) await removeFolder(directory, old);
  }
  return folder;
}

/**
 * Puts parameters and optimizer back, bit for bit.
 * @throws TuneError `checkpoint-format` when the folder cannot be read, `checkpoint-mismatch` when it is another model's
 */
export async function loadCheckpoint(
  folder: string,
  target: { readonly kernels: Kernels; readonly parameters: readonly Parameter[]; readonly optimizer: Optimizer },
): Promise<TrainingState> {
  const state = await readState(folder);
  await loadCheckpointParameters(folder, target);
  const { tensors } = await readSafetensorsHeader(path.join(folder, OPTIMIZER_FILE));
  const entries = [...tensors.values()].map((entry): [string, StateEntry] => {
    const byteLength = entry.shape.reduce((product, size) => product * size, 1);
    return [entry.name, { byteLength, bytes: () => readTensorBytes(entry) }];
  });
  await target.optimizer.loadState(new Map(entries));
  return state;
}

/**
 * Puts the parameters back, and nothing else: for ending a run with its best checkpoint's weights.
 * @throws as `loadCheckpoint`
 */
export async function loadCheckpointParameters(
  folder: string,
  target: { readonly kernels: Kernels; readonly parameters: readonly Parameter[] },
): Promise<void> {
  const { tensors } = await readSafetensorsHeader(path.join(folder, PARAMETERS_FILE));
  for (const parameter of target.parameters) {
    const entry = tensors.get(parameter.name);
    if (entry === undefined || entry.shape.join() !== parameter.shape.join()) {
      const got = entry === undefined ? 'none' : `[${entry.shape.join(', ')}]`;
      throw new TuneError(
        'checkpoint-mismatch',
        `${folder}: expected ${parameter.name} [${parameter.shape.join(', ')}], got ${got}`,
      );
    }
    target.kernels.writeBytes(parameter.value, await readTensorBytes(entry));
    syncCompute(target.kernels, parameter);
  }
  if (tensors.size !== target.parameters.length) {
    throw new TuneError(
      'checkpoint-mismatch',
      `${folder}: expected ${target.parameters.length} trained tensors, got ${tensors.size}`,
    );
  }
}

/** The newest checkpoint whose files are all readable, or null. Temporary folders are never looked at. */
export async function findResumable(directory: string): Promise<{ step: number; path: string } | null> {
  for (const checkpoint of await listCheckpoints(directory)) {
    try {
      await readState(checkpoint.path);
      await readSafetensorsHeader(path.join(checkpoint.path, PARAMETERS_FILE));
      await readSafetensorsHeader(path.join(checkpoint.path, OPTIMIZER_FILE));
      return checkpoint;
    } catch {
      // Damaged after it was written (a full or failing disk): an older one may still be whole.
    }
  }
  return null;
}

/** Removes what interrupted writes and removals left behind. */
export async function removeTemporaryFolders(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (TEMPORARY.test(name)) await rm(path.join(directory, name), { recursive: true, force: true });
  }
}

/** Newest first. */
export async function listCheckpoints(directory: string): Promise<{ step: number; path: string }[]> {
  return (await namesIn(directory))
    .flatMap((name) => {
      const match = FOLDER.exec(name);
      return match === null ? [] : [{ step: Number(match[1]), path: path.join(directory, name) }];
    })
    .sort((a, b) => b.step - a.step);
}

/** The keys of Hugging Face's file; ours, for the exact resume, under `tuiqiao`. */
function toTrainerState({ state, intervals, directory }: SaveCheckpointOptions) {
  const { best } = state;
  return {
    best_global_step: best?.step ?? null,
    best_metric: best?.metric ?? null,
    best_model_checkpoint: best === undefined ? null : path.join(directory, `checkpoint-${best.step}`),
    epoch: state.epoch,
    eval_steps: intervals.evaluation,
    global_step: state.step,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: state.history,
    logging_steps: intervals.logging,
    max_steps: state.totalSteps,
    num_input_tokens_seen: state.tokens,
    num_train_epochs: Math.max(1, Math.ceil((state.epoch * state.totalSteps) / Math.max(1, state.step))),
    save_steps: intervals.save,
    stateful_callbacks: {},
    total_flos: 0,
    trial_name: null,
    trial_params: null,
    tuiqiao: { version: FORMAT_VERSION, ...state, history: undefined },
  };
}

async function readState(folder: string): Promise<TrainingState> {
  const file = path.join(folder, STATE_FILE);
  let json: { log_history?: Metrics[]; tuiqiao?: TrainingState & { version?: number } };
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new TuneError('checkpoint-format', `${file}: expected a readable JSON file`, { cause });
  }
  const state = json?.tuiqiao;
  if (state?.version !== FORMAT_VERSION) {
    throw new TuneError(
      'checkpoint-format',
      `${file}: expected state version ${FORMAT_VERSION}, got ${state?.version}`,
      {
        hint: 'this checkpoint was written by another program or version; start from its weights instead of resuming',
      },
    );
  }
  return { ...state, history: json.log_history ?? [] };
}

async function namesIn(directory: string): Promise<string[]> {
  return existsSync(directory) ? readdir(directory) : [];
}

/** Renamed first, so that dying half-way leaves a temporary folder and not half a checkpoint. */
async function removeFolder(directory: string, folder: string): Promise<void> {
  const temporary = path.join(directory, `.tmp-${path.basename(folder)}-${process.pid}-old`);
  await rm(temporary, { recursive: true, force: true });
  await rename(folder, temporary);
  await rm(temporary, { recursive: true, force: true });
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes names in a folder durable (a rename alone may be lost on power failure). Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
