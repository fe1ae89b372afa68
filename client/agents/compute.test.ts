import { expect, test } from 'vitest';
import { type ImportPackage, loadCompute } from './compute.js';

const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });

/** Imports as usual, but the packages whose name contains one of the words fail as if not installed. */
const without =
  (...words: string[]): ImportPackage =>
  async (name) => {
    if (words.some((word) => name.includes(word))) throw missing(name);
    const namespace = (await import(name)) as { default: object };
    return namespace.default;
  };

test('the choices wasm and cpu are taken and say so', async () => {
  const cpu = await loadCompute('cpu');
  expect(cpu).toMatchObject({ backend: 'cpu', reason: 'cpu was asked for.' });
  expect(cpu.tf.getBackend()).toBe('cpu');
  const wasm = await loadCompute('wasm');
  expect(wasm).toMatchObject({ backend: 'wasm', reason: 'wasm was asked for.' });
  expect(wasm.tf.getBackend()).toBe('wasm');
});

test('without native TensorFlow the default is WebAssembly, and the reason says what is missing', async () => {
  const compute = await loadCompute(undefined, without('tfjs-node'));
  expect(compute.backend).toBe('wasm');
  expect(compute.reason).toContain('Native TensorFlow is not installed');
});

test('without WebAssembly, too, the default is plain JavaScript', async () => {
  const compute = await loadCompute(undefined, without('tfjs-node', 'backend-wasm'));
  expect(compute.backend).toBe('cpu');
  expect(compute.tf.getBackend()).toBe('cpu');
  expect(compute.reason).toContain('npm install @tensorflow/tfjs-node');
  expect(compute.reason).toContain('npm install @tensorflow/tfjs-backend-wasm');
});

test('native TensorFlow that loads but cannot compute is passed over, with the reason', async () => {
  const broken: ImportPackage = async (name) => {
    if (name !== '@tensorflow/tfjs-node') return without('tfjs-node')(name);
    throw new TypeError('isNullOrUndefined is not a function');
  };
  const compute = await loadCompute(undefined, broken);
  expect(compute.backend).toBe('wasm');
  expect(compute.reason).toBe(
    '@tensorflow/tfjs-node does not work (isNullOrUndefined is not a function).',
  );
  await expect(loadCompute('node', broken)).rejects.toThrow('does not work');
});

test('a native package that works is the default; on a GPU before the CPU', async () => {
  const { tf } = await loadCompute('cpu');
  // The package's interface is TensorFlow.js's own; only the backend's name is another.
  const native: ImportPackage = async (name) =>
    name.includes('tfjs-node') ? { ...tf, setBackend: () => tf.setBackend('cpu') } : missing(name);
  const compute = await loadCompute(undefined, native);
  expect(compute.backend).toBe('@tensorflow/tfjs-node-gpu');
  const cpuOnly: ImportPackage = (name) =>
    name.includes('gpu') ? Promise.reject(missing(name)) : native(name);
  expect((await loadCompute('node', cpuOnly)).backend).toBe('@tensorflow/tfjs-node');
});

test('native TensorFlow that was asked for but is not installed names the npm command', async () => {
  await expect(loadCompute('node', without('tfjs-node'))).rejects.toThrow(
    'npm install @tensorflow/tfjs-node@4.22.0',
  );
});

test('without TensorFlow.js every choice names the npm command in one sentence', async () => {
  const sentence =
    'The agents need TensorFlow.js, which is not installed; run: npm install @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0';
  for (const choice of [undefined, 'wasm', 'cpu'] as const) {
    await expect(loadCompute(choice, without('@tensorflow'))).rejects.toThrow(sentence);
  }
});
