/** One figure as `--json` writes it. */
export type Figure = {
  readonly workload: string;
  readonly server: string;
  readonly database: string;
  /** What the workload was run with: senders, messages per second. */
  readonly size: number;
  /** The median of the runs. */
  readonly value: number;
  readonly unit: string;
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  /** Smallest and largest of the runs. */
  readonly spread: readonly [number, number];
};

/** The value below which `share` (0 to 1) of the values lie; 0 without values. */
const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};

/** Two digits after the point are more than the runs agree on. */
const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Median and spread of what several runs gave, with quantiles of all their samples in milliseconds. */
export const summarise = (
  runs: readonly number[],
  samples: readonly number[] = [],
): Pick<Figure, 'value' | 'p50' | 'p95' | 'p99' | 'spread'> => ({
  value: rounded(quantile(runs, 0.5)),
  ...(samples.length > 0 && {
    p50: rounded(quantile(samples, 0.5)),
    p95: rounded(quantile(samples, 0.95)),
    p99: rounded(quantile(samples, 0.99)),
  }),
  spread: [rounded(Math.min(...runs)), rounded(Math.max(...runs))],
});
