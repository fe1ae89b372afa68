import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { transposeBeforeMatMul } from './wasm-matmul.js';

/** The API of the `@tensorflow/tfjs` package, which native TensorFlow's packages share. */
export type TensorFlow = typeof import('@tensorflow/tfjs');

/** 'node' is native TensorFlow, on CUDA or the CPU; 'wasm' is WebAssembly; 'cpu' is plain JavaScript. */
export type BackendChoice = 'wasm' | 'node' | 'cpu';

/** All choices of a backend. */
export const backendChoices: readonly BackendChoice[] = ['wasm', 'node', 'cpu'];

/** TensorFlow.js with a backend that is ready. */
export interface Compute {
  readonly tf: TensorFlow;
  /** What computes: 'wasm', 'cpu', '@tensorflow/tfjs-node' or '@tensorflow/tfjs-node-gpu'. */
  readonly backend: string;
  /** Why this one was taken, as one sentence. */
  readonly reason: string;
}

/** Imports a package by its name; replaced only where a test forces a failure. */
export type ImportPackage = (name: string) => Promise<object>;

const version = '4.22.0';
const nativePackages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/**
 * Loads TensorFlow.js and picks the backend: the one asked for or, without a choice, native
 * TensorFlow if it is installed and works, else WebAssembly, else plain JavaScript. Nothing is
 * downloaded. TensorFlow.js has one active backend a process: the last call decides it.
 *
 * @param choice The backend to take; that it cannot be had is then an error.
 * @throws Error if TensorFlow.js or the chosen backend is not installed or does not work; the
 *   message names the npm command to run.
 */
export async function loadCompute(
  choice?: BackendChoice,
  importPackage: ImportPackage = importInstalled,
): Promise<Compute> {
  if (choice !== undefined) return loaders[choice](importPackage, `${choice} was asked for.`);
  const refusals: string[] = [];
  for (const load of [loadNative, loadWasm]) {
    const reason = refusals.length === 0 ? 'It is installed and works.' : refusals.join(' ');
    try {
      return await load(importPackage, reason);
    } catch (error) {
      refusals.push((error as Error).message);
    }
  }
  return loadCpu(importPackage, refusals.join(' '));
}

const loaders = { node: loadNative, wasm: loadWasm, cpu: loadCpu };

async function loadNative(importPackage: ImportPackage, reason: string): Promise<Compute> {
  const failures: string[] = [];
  for (const name of nativePackages) {
    try {
      const tf = (await importPackage(name)) as TensorFlow;
      await activate(tf, 'tensorflow');
      return { tf, backend: name, reason };
    } catch (error) {
      if (!isMissing(error)) failures.push(`${name} does not work (${firstLine(error)}).`);
    }
  }
  if (failures.length > 0) throw new Error(failures.join(' '));
  throw new Error(
    `Native TensorFlow is not installed; for it run: npm install @tensorflow/tfjs-node@${version}`,
  );
}

async function loadWasm(importPackage: ImportPackage, reason: string): Promise<Compute> {
  const tf = await importTensorFlow(importPackage);
  const name = '@tensorflow/tfjs-backend-wasm';
  try {
    const wasm = (await importPackage(name)) as typeof import('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(binariesOf(name));
    await activate(tf, 'wasm');
  } catch (error) {
    const why = isMissing(error) ? 'is not installed' : `does not work (${firstLine(error)})`;
    throw new Error(`${name} ${why}; for it run: npm install ${name}@${version}`, { cause: error });
  }
  transposeBeforeMatMul(tf);
  return { tf, backend: 'wasm', reason };
}

async function loadCpu(importPackage: ImportPackage, reason: string): Promise<Compute> {
  const tf = await importTensorFlow(importPackage);
  await activate(tf, 'cpu');
  return { tf, backend: 'cpu', reason };
}

async function importTensorFlow(importPackage: ImportPackage): Promise<TensorFlow> {
  try {
    return (await importPackage('@tensorflow/tfjs')) as TensorFlow;
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new Error(
      `The agents need TensorFlow.js, which is not installed; run: npm install @tensorflow/tfjs@${version} @tensorflow/tfjs-backend-wasm@${version}`,
      { cause: error },
    );
  }
}

/**
 * Makes the backend the active one and computes something on it: on Node 23 and later tfjs-node
 * loads, then throws from every operation.
 */
async function activate(tf: TensorFlow, backend: string): Promise<void> {
  // Without it the plain backend prints an advertisement for tfjs-node.
  tf.enableProdMode();
  if (!(await tf.setBackend(backend))) throw new Error(`backend ${backend} failed to initialise`);
  await tf.ready();
  tf.tidy(() => tf.matMul(tf.tensor2d([[2]]), tf.tensor2d([[3]])).dataSync());
}

async function importInstalled(name: string): Promise<object> {
  const namespace = (await import(name)) as { default?: object };
  // These packages are CommonJS, whose exports Node puts under `default`.
  return namespace.default ?? namespace;
}

/** The folder of the backend's own .wasm files, so that none is fetched from elsewhere. */
function binariesOf(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(name)) + sep;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
}

function firstLine(error: unknown): string {
  return String((error as Error).message ?? error).split('\n', 1)[0] as string;
}
