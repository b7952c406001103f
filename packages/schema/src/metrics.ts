/** Named numbers of a step or an evaluation. */
export type Metrics = Readonly<Record<string, number>>;
