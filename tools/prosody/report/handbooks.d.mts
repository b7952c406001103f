export interface HandbookPoem {
  readonly book: string;
  readonly form: string;
  readonly author: string;
  readonly title: string;
  readonly text: string;
}
export function readHandbooks(): HandbookPoem[];
export function measureHandbooks(): {
  readonly n: number;
  readonly otherwise: number;
  readonly flagged: readonly (HandbookPoem & {
    readonly kind: string;
    readonly why: string;
    readonly faults: string[];
  })[];
};
