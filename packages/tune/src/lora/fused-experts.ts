/**
 * Adapters that PEFT trained on transformers 5, where the experts of a layer are two parameters (`target_parameters`
 * gate_up_proj and down_proj): one A [E·r, in], rank by rank of expert after expert, and one B [out, r·E], whose columns
 * run over the experts first. Here each expert's projections get their part; those of gate and up share A.
 */
import type { LanguageModel } from '@tuiqiao/lm';
import { TuneError } from '../errors.ts';
import type { AdapterConfig } from './adapter.ts';
import { patternValue } from './target-modules.ts';

/** A matrix of a file. */
export interface StoredMatrix {
  readonly shape: readonly number[];
  readonly read: () => Promise<Float32Array>;
}

export interface StoredModule {
  readonly A: StoredMatrix;
  readonly B: StoredMatrix;
  readonly magnitude: StoredMatrix | undefined;
}

interface Stored {
  readonly modules: Map<string, StoredModule>;
  readonly config: AdapterConfig;
}

/** What the parameters are called as modules; undefined for parameters of another kind. */
export function modulesOfParameter(parameter: string): readonly string[] | undefined {
  const known: Readonly<Record<string, readonly string[]>> = {
    gate_up_proj: ['gate_proj', 'up_proj'],
    down_proj: ['down_proj'],
    'gate.weight': ['gate'],
  };
  return Object.entries(known).find(([name]) => parameter === name || parameter.endsWith(`.${name}`))?.[1];
}

/** Every expert's part under its own name. Modules that are no such parameters, or do not fit this model, are kept. */
export function splitFusedExperts({ config: { architecture, hiddenSize: C } }: LanguageModel, stored: Stored): Stored {
  const { experts } = architecture;
  if (experts === null) return stored;
  const { count: E, intermediateSize: I } = experts;
  const container = experts.expert(0).slice(0, -'.0'.length);
  const modules = new Map<string, StoredModule>();
  const kinds = new Map<string, { readonly rank: number; readonly alpha: number }>();
  for (const [name, module] of stored.modules) {
    // PEFT wraps one parameter around the other.
    const path = name.endsWith('.base_layer') ? name.slice(0, -'.base_layer'.length) : name;
    const rank = module.A.shape[0]! / E;
    const parts = partsOf(module, E, rank, C, I);
    if (!path.endsWith(`.${container}`) || parts === null) {
      modules.set(name, module);
      continue;
    }
    const fused = parts.length === 2 ? 'gate_up_proj' : 'down_proj';
    const alpha = patternValue(stored.config.alphaPattern, `${path}.${fused}`, stored.config.alpha);
    const a = once(module.A.read);
    const b = once(module.B.read);
    for (const { projection, firstRow, rows } of parts) {
      const known = kinds.get(projection) ?? { rank, alpha };
      if (known.rank !== rank || known.alpha !== alpha) {
        throw new TuneError(
          'adapter-format',
          `adapter: expected one rank and alpha of ${fused} in all layers, got ${known.rank}, ${known.alpha} and ${rank}, ${alpha}`,
        );
      }
      kinds.set(projection, known);
      for (let expert = 0; expert < E; expert++) {
        const width = module.A.shape[1]!;
        modules.set(`${path}.${expert}.${projection}`, {
          A: {
            shape: [rank, width],
            read: async () => (await a()).slice(expert * rank * width, (expert + 1) * rank * width),
          },
          B: { shape: [rows, rank], read: async () => columnsOf(await b(), { firstRow, rows, rank, expert, E }) },
          magnitude: undefined,
        });
      }
    }
  }
  const patterns = (value: 'rank' | 'alpha', otherwise: Readonly<Record<string, number>>): Record<string, number> => {
    const path = container.replaceAll('.', '\\.');
    const own = [...kinds].map(([projection, kind]) => [`${path}\\.\\d+\\.${projection}`, kind[value]] as const);
    const others = Object.entries(otherwise).filter(
      ([pattern]) => own.length === 0 || !pattern.includes('gate_up_proj'),
    );
    return Object.fromEntries([...own, ...others]);
  };
  const { rankPattern, alphaPattern } = stored.config;
  return {
    modules,
    config: {
      ...stored.config,
      rankPattern: patterns('rank', rankPattern),
      alphaPattern: patterns('alpha', alphaPattern),
    },
  };
}

interface Part {
  readonly projection: string;
  /** Of B. */
  readonly firstRow: number;
  readonly rows: number;
}

/** Known by its sizes; null: none of the two parameters. */
function partsOf({ A, B, magnitude }: StoredModule, E: number, rank: number, C: number, I: number): Part[] | null {
  const [inputs, outputs] = [A.shape[1], B.shape[0]];
  if (!Number.isInteger(rank) || B.shape[1] !== rank * E || magnitude !== undefined) return null;
  if (inputs === C && outputs === 2 * I) {
    return [
      { projection: 'gate_proj', firstRow: 0, rows: I },
      { projection: 'up_proj', firstRow: I, rows: I },
    ];
  }
  return inputs === I && outputs === C ? [{ projection: 'down_proj', firstRow: 0, rows: C }] : null;
}

function columnsOf(
  values: Float32Array,
  { firstRow, rows, rank, expert, E }: Readonly<Record<'firstRow' | 'rows' | 'rank' | 'expert' | 'E', number>>,
): Float32Array {
  return Float32Array.from({ length: rows * rank }, (_, i) => {
    const [row, r] = [firstRow + Math.floor(i / rank), i % rank];
    return values[row * rank * E + r * E + expert]!;
  });
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
