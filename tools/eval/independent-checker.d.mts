export interface Readings {
  readonly tones: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
}
export interface CiReadings {
  readonly tones: ReadonlySet<string>;
  readonly parts: ReadonlySet<string>;
}
export interface Judgement {
  readonly length: boolean;
  readonly rhyme: boolean;
  readonly meter: boolean;
  readonly all: boolean;
}
export interface CiVariant {
  readonly pattern: string;
}
export function loadReadings(file: string): Map<string, Readings>;
export function judgePoem(text: string, form: string, readings: ReadonlyMap<string, Readings>): Judgement | null;
export function loadVariants(file: string): Map<string, readonly CiVariant[]>;
export function loadParts(file: string): Map<string, CiReadings>;
export function judgeCi(
  text: string,
  variants: readonly CiVariant[],
  parts: ReadonlyMap<string, CiReadings>,
): Judgement;
