/** The rotary tables of a model: long enough for the positions of the moment, and right for their longest sequence. */
import { createRope, type Kernels, type Rope } from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import { ropeAngles, ropeLengthClass } from './rope.ts';

/** Tables start this long and double when a longer sequence comes: most poems are far below 40,960 positions. */
const FIRST_POSITIONS = 1024;

export class RopeTables {
  readonly #kernels: Kernels;
  readonly #config: ModelConfig;
  #rope: Rope;
  /** Of layers with a window, where the family turns those at another rate. */
  #localRope: Rope | null;
  #positions: number;
  #lengthClass: number;

  constructor(kernels: Kernels, config: ModelConfig) {
    this.#kernels = kernels;
    this.#config = config;
    this.#positions = Math.min(FIRST_POSITIONS, config.maxPositions);
    this.#lengthClass = ropeLengthClass(config.ropeScaling, 1);
    this.#rope = this.#createRope(1);
    this.#localRope = this.#createLocalRope();
  }

  of(layer: number): Rope {
    const isLocal = this.#config.architecture.windows[layer] !== null;
    return (isLocal ? this.#localRope : null) ?? this.#rope;
  }

  /** Makes the tables long enough, and right for the longest sequence where their angles depend on that. */
  fit(positions: Int32Array): void {
    let longest = 0;
    for (const position of positions) longest = Math.max(longest, position + 1);
    const { ropeScaling, maxPositions } = this.#config;
    const lengthClass = ropeLengthClass(ropeScaling, longest);
    if (longest <= this.#positions && lengthClass === this.#lengthClass) return;
    while (this.#positions < longest) this.#positions *= 2;
    this.#positions = Math.min(this.#positions, maxPositions);
    this.#lengthClass = lengthClass;
    this.#rope = this.#createRope(longest);
    this.#localRope = this.#createLocalRope();
  }

  #createRope(longest: number): Rope {
    const { ropeTheta: theta, ropeScaling: scaling, architecture } = this.#config;
    const { rotaryDim, isInterleaved: interleaved } = architecture;
    const angles = ropeAngles({ rotaryDim, theta, scaling }, longest);
    return createRope(this.#kernels, { rotaryDim, theta, maxPositions: this.#positions, interleaved, ...angles });
  }

  #createLocalRope(): Rope | null {
    const { rotaryDim, isInterleaved: interleaved, localRopeTheta: theta } = this.#config.architecture;
    if (theta === null) return null;
    return createRope(this.#kernels, { rotaryDim, theta, maxPositions: this.#positions, interleaved });
  }
}
