/**
 * Reward models by name: `rm:FOLDER` is what stage `rm` left there. Its scores are any real numbers; here they are told as
 * σ((score − mean) / deviation), from 0 to 1, by the mean and deviation noted when it was trained: the order stays, and
 * rewards can be weighed against one another.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { PoemRequest } from '@tuiqiao/corpus';
import type { Kernels } from '@tuiqiao/tensor';
import { loadRewardModel, readAdapterConfig, scoreRewards } from '@tuiqiao/tune';
import type { PoemReward } from '@tuiqiao/verse';
import { RecipesError } from './errors.ts';
import { openModel } from './models.ts';
import { tokenizePair } from './preference-pairs.ts';
import { checkPromptFormat } from './prompt-format.ts';

export const REWARD_SCALE_FILE = 'reward-scale.json';
const PREFIX = 'rm:';

/** Mean and deviation of scores on pairs, chosen and rejected alike. */
export interface RewardScale {
  readonly mean: number;
  readonly deviation: number;
  readonly n: number;
}

export function rewardScale(scores: Float64Array): RewardScale {
  const n = scores.length;
  const mean = scores.reduce((sum, score) => sum + score, 0) / Math.max(1, n);
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, n - 1)), n };
}

export function formatRewardScale(scale: RewardScale): string {
  return `${JSON.stringify(scale)}\n`;
}

export interface JudgedPoem {
  readonly request: PoemRequest;
  readonly text: string;
  /** False when it was cut before it ended. */
  readonly isFinished: boolean;
}

export interface RewardModel {
  /** As it stands in the log: `rm`, then `rm-2` and so on. */
  readonly name: string;
  /** From 0 to 1, one a poem. */
  score(poems: readonly JudgedPoem[], signal?: AbortSignal): Promise<Float64Array>;
}

export function isRewardModelName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The reward models among the names, each on a base of its own; their order is that of the names. */
export async function openRewardModels(
  names: readonly string[],
  options: { readonly kernels: Kernels; readonly computeType: 'auto' | 'bf16' | 'f32' },
): Promise<RewardModel[]> {
  const folders = names.filter(isRewardModelName).map((name) => name.slice(PREFIX.length));
  const models: RewardModel[] = [];
  for (const [i, folder] of folders.entries()) models.push(await openOne(folder, rewardModelName(i), options));
  return models;
}

function rewardModelName(index: number): string {
  return index === 0 ? 'rm' : `rm-${index + 1}`;
}

async function openOne(
  folder: string,
  name: string,
  options: { readonly kernels: Kernels; readonly computeType: 'auto' | 'bf16' | 'f32' },
): Promise<RewardModel> {
  if (!existsSync(path.join(folder, 'adapter_config.json'))) {
    throw new RecipesError('model-not-found', `rm:${folder}: no reward model there (no adapter_config.json)`, {
      hint: 'Train one first: `tuiqiao rm recipes/base-rm.yaml`.',
    });
  }
  const { baseModelName } = await readAdapterConfig(folder);
  if (baseModelName === null) {
    throw new RecipesError('model-not-found', `rm:${folder}: its adapter_config.json does not name the base model`, {
      hint: 'Put the folder of the base under base_model_name_or_path.',
    });
  }
  const { model, tokenizer } = await openModel(baseModelName, { ...options, templatesOf: [folder] });
  await checkPromptFormat(tokenizer, folder);
  const { head } = await loadRewardModel(model, folder);
  const scale = await readScale(folder);
  return {
    name,
    score: async (poems, signal) => {
      const sequences = poems.map(({ request, text, isFinished }, i) => {
        // As the answers of its pairs were read.
        const { promptIds, chosenIds } = tokenizePair(
          { request, chosen: text, rejected: text, brokenRules: [] },
          i,
          tokenizer,
        );
        const isWhole = isFinished || chosenIds.length < 2;
        return { promptIds, completionIds: isWhole ? chosenIds : Array.from(chosenIds).slice(0, -1) };
      });
      const scores = await scoreRewards(model, head, sequences, signal === undefined ? {} : { signal });
      return scores.map((score) => 1 / (1 + Math.exp(-(score - scale.mean) / scale.deviation)));
    },
  };
}

/** @throws RecipesError `model-not-found` when the model was not trained to its end */
async function readScale(folder: string): Promise<RewardScale> {
  const file = path.join(folder, REWARD_SCALE_FILE);
  let scale: Partial<RewardScale>;
  try {
    scale = JSON.parse(await readFile(file, 'utf8')) as Partial<RewardScale>;
  } catch (cause) {
    throw new RecipesError(
      'model-not-found',
      `rm:${folder}: expected ${REWARD_SCALE_FILE}, got none that can be read`,
      {
        hint: 'It is written when the rm stage is done; go on with --resume.',
        cause,
      },
    );
  }
  const { mean, deviation, n } = scale;
  if (!Number.isFinite(mean) || !(deviation !== undefined && deviation > 0) || n === undefined) {
    throw new RecipesError(
      'model-not-found',
      `${file}: expected a mean and a deviation > 0, got ${JSON.stringify(scale)}`,
      {
        hint: 'A model that gives every poem the same score has learnt nothing.',
      },
    );
  }
  return { mean: mean!, deviation, n };
}

/** What the reward model said of a completion, told beforehand in its example; NaN where it said nothing. */
export function modelReward(name: string): PoemReward {
  return { name, range: [0, 1], score: (_text, { modelScores }) => modelScores?.[name] ?? Number.NaN };
}
