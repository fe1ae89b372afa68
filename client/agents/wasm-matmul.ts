import type { KernelConfig, KernelFunc, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs';
import type { TensorFlow } from './compute.js';

interface WasmBackend {
  disposeData(dataId: object): void;
}

type Kernel = (call: {
  inputs: NamedTensorInfoMap;
  attrs: Record<string, unknown>;
  backend: WasmBackend;
}) => TensorInfo;

const replaced = new WeakSet<KernelFunc>();

/**
 * Makes the WebAssembly backend's `BatchMatMul` transpose first and multiply after.
 *
 * Stock 4.22 hands only untransposed products to XNNPACK's SIMD code; with `transposeA` or
 * `transposeB` it falls back to a scalar loop. Every Dense layer's gradient consists of two such
 * products, which made a training step three to five times slower. Does nothing the second time.
 */
export function transposeBeforeMatMul(tf: TensorFlow): void {
  const stock = kernel(tf, 'BatchMatMul');
  if (replaced.has(stock.kernelFunc)) return;
  const multiply = stock.kernelFunc as unknown as Kernel;
  const transpose = kernel(tf, 'Transpose').kernelFunc as unknown as Kernel;

  const swapLastTwoAxes = (x: TensorInfo, backend: WasmBackend): TensorInfo => {
    const axes = x.shape.map((_, axis) => axis);
    const perm = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
    return transpose({ inputs: { x }, attrs: { perm }, backend });
  };

  const kernelFunc: Kernel = ({ inputs, attrs, backend }) => {
    const { transposeA, transposeB } = attrs;
    const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
    const left = transposeA ? swapLastTwoAxes(a, backend) : a;
    const right = transposeB ? swapLastTwoAxes(b, backend) : b;
    const product = multiply({
      inputs: { a: left, b: right },
      attrs: { transposeA: false, transposeB: false },
      backend,
    });
    if (left !== a) backend.disposeData(left.dataId);
    if (right !== b) backend.disposeData(right.dataId);
    return product;
  };

  const replacement = { ...stock, kernelFunc: kernelFunc as unknown as KernelFunc };
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel(replacement);
  replaced.add(replacement.kernelFunc);
}

function kernel(tf: TensorFlow, name: string): KernelConfig {
  const config = tf.getKernel(name, 'wasm');
  if (config === undefined) throw new Error(`The WebAssembly backend has no kernel ${name}.`);
  return config;
}
