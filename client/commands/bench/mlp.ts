/** A policy network with two hidden layers of ReLUs and random weights, which takes the action with the greatest output. */
export class Mlp {
  readonly #layers: readonly { readonly weights: Float32Array; readonly outputs: number }[];

  readonly #inputs: number;

  /** @param hidden Units of each hidden layer. */
  constructor(inputs: number, hidden: number, actions: number) {
    this.#inputs = inputs;
    const layer = (from: number, to: number) => ({
      weights: Float32Array.from({ length: from * to }, () => (Math.random() - 0.5) / from),
      outputs: to,
    });
    this.#layers = [layer(inputs, hidden), layer(hidden, hidden), layer(hidden, actions)];
  }

  /** Actions for the rows of observations. */
  act(observations: Float32Array): Int32Array {
    const rows = observations.length / this.#inputs;
    let activations = observations;
    for (const [i, { weights, outputs }] of this.#layers.entries())
      activations = dense(activations, rows, weights, outputs, i < this.#layers.length - 1);
    const actions = activations.length / rows;
    return Int32Array.from({ length: rows }, (_, row) => {
      const values = activations.subarray(row * actions, (row + 1) * actions);
      return values.indexOf(Math.max(...values));
    });
  }
}

function dense(
  input: Float32Array,
  rows: number,
  weights: Float32Array,
  outputs: number,
  isHidden: boolean,
): Float32Array {
  const inputs = input.length / rows;
  const output = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const out = output.subarray(row * outputs, (row + 1) * outputs);
    for (let k = 0; k < inputs; k++) {
      const x = input[row * inputs + k] as number;
      for (let j = 0; j < outputs; j++)
        out[j] = (out[j] as number) + x * (weights[k * outputs + j] as number);
    }
    if (isHidden) for (let j = 0; j < outputs; j++) out[j] = Math.max(0, out[j] as number);
  }
  return output;
}
