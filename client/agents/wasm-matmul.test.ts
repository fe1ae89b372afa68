import type { Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadCompute, type TensorFlow } from './compute.js';
import { Random } from './random.js';
import { transposeBeforeMatMul } from './wasm-matmul.js';

let tf: TensorFlow;
beforeAll(async () => {
  ({ tf } = await loadCompute('wasm'));
});

const values = (shape: number[], seed: number) => {
  const random = new Random(seed);
  return Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    () => random.uniform() - 0.5,
  );
};

/** Runs on WebAssembly, then on plain JavaScript, and leaves WebAssembly active. */
async function onBoth(compute: () => Tensor[]): Promise<[Float32Array[], Float32Array[]]> {
  const run = () => tf.tidy(() => compute().map((x) => x.dataSync() as Float32Array));
  const wasm = run();
  await tf.setBackend('cpu');
  const cpu = run();
  await tf.setBackend('wasm');
  return [wasm, cpu];
}

function expectClose(actual: Float32Array[], expected: Float32Array[], tolerance: number): void {
  expect(actual.map((a) => a.length)).toEqual(expected.map((e) => e.length));
  const errors = actual.map((a, i) =>
    a.reduce((worst, x, j) => Math.max(worst, Math.abs(x - (expected[i]?.[j] as number))), 0),
  );
  expect(Math.max(...errors)).toBeLessThan(tolerance);
}

const shapes: { batchA: number[]; batchB: number[]; m: number; k: number; n: number }[] = [
  { batchA: [], batchB: [], m: 5, k: 7, n: 3 },
  { batchA: [], batchB: [], m: 128, k: 64, n: 33 },
  { batchA: [], batchB: [], m: 1, k: 6, n: 4 },
  { batchA: [], batchB: [], m: 4, k: 1, n: 1 },
  { batchA: [1], batchB: [1], m: 4, k: 3, n: 2 },
  { batchA: [3], batchB: [3], m: 4, k: 5, n: 2 },
  { batchA: [3], batchB: [1], m: 4, k: 5, n: 2 },
  { batchA: [2, 3], batchB: [2, 3], m: 2, k: 4, n: 5 },
];

describe.each([
  [false, false],
  [true, false],
  [false, true],
  [true, true],
])('transposeA %s, transposeB %s', (transposeA, transposeB) => {
  test.each(shapes)(
    '$batchA x $m x $k by $batchB x $k x $n',
    async ({ batchA, batchB, m, k, n }) => {
      const shapeA = [...batchA, ...(transposeA ? [k, m] : [m, k])];
      const shapeB = [...batchB, ...(transposeB ? [n, k] : [k, n])];
      const tensors = tf.memory().numTensors;
      const [wasm, cpu] = await onBoth(() => [
        tf.matMul(
          tf.tensor(values(shapeA, 1), shapeA),
          tf.tensor(values(shapeB, 2), shapeB),
          transposeA,
          transposeB,
        ),
      ]);
      expectClose(wasm, cpu, 1e-5);
      expect(tf.memory().numTensors).toBe(tensors);
    },
  );
});

test('the gradient of a Dense stack equals that of the plain backend within 1e-5', async () => {
  const [wasm, cpu] = await onBoth(() => {
    const model = tf.sequential();
    for (const [i, units] of [32, 32, 4].entries()) {
      const kernelInitializer = tf.initializers.heUniform({ seed: i });
      const activation = i < 2 ? 'relu' : 'linear';
      model.add(
        tf.layers.dense({ inputShape: [i === 0 ? 8 : 32], units, activation, kernelInitializer }),
      );
    }
    const x = tf.tensor2d(values([64, 8], 3), [64, 8]);
    const y = tf.tensor2d(values([64, 4], 4), [64, 4]);
    const { grads } = tf.variableGrads(() =>
      tf.losses.huberLoss(y, model.apply(x) as Tensor).asScalar(),
    );
    model.dispose();
    return Object.values(grads);
  });
  expect(wasm).toHaveLength(6);
  expect(wasm.every((gradient) => gradient.some((x) => x !== 0))).toBe(true);
  expectClose(wasm, cpu, 1e-5);
});

test('replacing the kernel again changes nothing', () => {
  const kernel = tf.getKernel('BatchMatMul', 'wasm');
  transposeBeforeMatMul(tf);
  expect(tf.getKernel('BatchMatMul', 'wasm')).toBe(kernel);
});

test('no transposed copy is left on the WebAssembly heap', () => {
  const backend = tf.backend() as unknown as { numDataIds(): number };
  const before = backend.numDataIds();
  tf.tidy(() => tf.matMul(tf.ones([3, 4]), tf.ones([5, 4]), false, true).dataSync());
  tf.tidy(() => tf.matMul(tf.ones([1, 4]), tf.ones([1, 5]), true, false).dataSync());
  expect(backend.numDataIds()).toBe(before);
});
