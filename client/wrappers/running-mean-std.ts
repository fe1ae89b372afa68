/** Rounds a double to the precision in which something is computed: `Math.fround`, or not at all. */
export type Round = (value: number) => number;

/** Keeps doubles. */
export const keepDouble: Round = (value) => value;

/** Values that samples are made of. */
export type Numbers = ArrayLike<number | bigint>;

/**
 * Running mean and variance of samples, by the parallel algorithm of Chan et al. (1979); Gymnasium's RunningMeanStd. It does
 * NumPy's operations in NumPy's order and precision, so that its numbers are Gymnasium's to the bit.
 */
export class RunningMeanStd {
  /** Mean of each element of a sample. */
  readonly mean: Float64Array;
  /** Variance of each element of a sample. */
  readonly var: Float64Array;
  /** Number of samples so far, and a little more, so that it is never 0. */
  count = 1e-4;
  private roundOwn: Round;
  private readonly roundBatch: Round;

  /**
   * @param size Number of elements of a sample.
   * @param roundOwn Precision of mean and variance before the first samples; single precision ends with samples in double.
   * @param roundBatch Precision of the samples.
   */
  constructor(size: number, roundOwn: Round, roundBatch: Round) {
    this.mean = new Float64Array(size);
    this.var = new Float64Array(size).fill(1);
    this.roundOwn = roundOwn;
    this.roundBatch = roundBatch;
  }

  /** Adds samples: `samples` holds `batch` of them, one after another. */
  update(samples: Numbers, batch: number): void {
    const { round, roundOwn, roundBatch } = this;
    const column = new Float64Array(batch);
    // NumPy rounds a Python float to the array's dtype before it computes with it.
    const [count, total] = [round(this.count), round(this.count + batch)];
    for (let i = 0; i < this.mean.length; i++) {
      for (let j = 0; j < batch; j++) column[j] = Number(samples[j * this.mean.length + i]);
      const mean = this.meanOf(column);
      for (let j = 0; j < batch; j++)
        column[j] = roundBatch(square(roundBatch(at(column, j) - mean)));
      const variance = this.meanOf(column);
      const delta = round(mean - at(this.mean, i));
      const own = roundOwn(at(this.var, i) * roundOwn(this.count));
      const added = round(round(round(round(square(delta)) * count) * batch) / total);
      const sum = round(round(own + roundBatch(variance * batch)) + added);
      this.mean[i] = round(at(this.mean, i) + round(round(delta * batch) / total));
      this.var[i] = round(sum / total);
    }
    this.count += batch;
    this.roundOwn = round;
  }

  /** Each element minus its mean, over its standard deviation, of which `epsilon` keeps the square above 0. */
  normalize(samples: Numbers, epsilon: number): Float32Array {
    const { round, roundOwn } = this;
    const size = this.mean.length;
    const deviations = this.var.map((variance) =>
      roundOwn(Math.sqrt(roundOwn(variance + roundOwn(epsilon)))),
    );
    const normalized = new Float32Array(samples.length);
    for (let i = 0; i < normalized.length; i++) {
      const centred = round(Number(samples[i]) - at(this.mean, i % size));
      normalized[i] = centred / at(deviations, i % size);
    }
    return normalized;
  }

  /** Precision of what is computed from both. */
  private get round(): Round {
    return this.roundOwn === this.roundBatch ? this.roundOwn : keepDouble;
  }

  private meanOf(values: Float64Array): number {
    // NumPy adds rows one after another, but the numbers of a single column in pairs.
    const sum = this.mean.length === 1 ? pairwiseSum : sequentialSum;
    return this.roundBatch(sum(values, this.roundBatch) / values.length);
  }
}

function square(value: number): number {
  return value * value;
}

function at(array: Float64Array, i: number): number {
  return array[i] as number;
}

function sequentialSum(values: Float64Array, round: Round, sum = 0): number {
  for (const value of values) sum = round(sum + value);
  return sum;
}

/** NumPy's order of additions: eight sums side by side, in blocks of at most 128 numbers. */
function pairwiseSum(values: Float64Array, round: Round): number {
  const { length } = values;
  if (length < 8) return sequentialSum(values, round);
  if (length > 128) {
    const half = Math.floor(length / 16) * 8;
    const [left, right] = [values.subarray(0, half), values.subarray(half)];
    return round(pairwiseSum(left, round) + pairwiseSum(right, round));
  }
  const sums = values.slice(0, 8);
  const whole = length - (length % 8);
  for (let i = 8; i < whole; i++) sums[i % 8] = round(at(sums, i % 8) + at(values, i));
  const pair = (i: number) => round(at(sums, i) + at(sums, i + 1));
  const eight = round(round(pair(0) + pair(2)) + round(pair(4) + pair(6)));
  return sequentialSum(values.subarray(whole), round, eight);
}
