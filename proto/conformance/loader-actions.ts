import type { Space } from './loader-messages.js';
import { elementType, type Row } from './loader-spaces.js';
import { itemBytes, sizeOf } from './loader-values.js';

const INTEGERS_OF_A_BOX = 256n;

/** Remainder that is never negative. */
const modulo = (number: number, divisor: bigint) => Number(BigInt(number) % divisor);

function writeElement(dtype: string, value: number | bigint, bytes: Buffer, place: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + place * itemBytes(dtype));
  const number = Number(value);
  if (dtype === 'float64') view.setFloat64(0, number, true);
  else if (dtype === 'float32') view.setFloat32(0, number, true);
  else if (itemBytes(dtype) === 8) view.setBigInt64(0, BigInt(value), true);
  else if (itemBytes(dtype) === 4) view.setInt32(0, number, true);
  else if (itemBytes(dtype) === 2) view.setInt16(0, number, true);
  else view.setInt8(0, number);
}

function readElement(dtype: string, bytes: Buffer, place: number): number | bigint {
  const at = (bytes.length === itemBytes(dtype) ? 0 : place) * itemBytes(dtype);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (dtype === 'float64') return view.getFloat64(0, true);
  if (dtype === 'float32') return view.getFloat32(0, true);
  const size = itemBytes(dtype);
  const unsigned = dtype.startsWith('u') || dtype === 'bool';
  const raw = Buffer.concat([bytes.subarray(at, at + size), Buffer.alloc(8 - size)]);
  const value = raw.readBigUInt64LE();
  return unsigned ? value : BigInt.asIntN(8 * size, value);
}

function real(j: number, low: number, high: number): number {
  const bounded = [Number.isFinite(low), Number.isFinite(high)];
  if (bounded[0] && bounded[1]) return j === 4 ? high : low + ((high - low) * j) / 4;
  if (bounded[0]) return low + j;
  return bounded[1] ? high - j : j - 2;
}

function boxElement(space: Space, dtype: string, place: number, k: number): number | bigint {
  const low = readElement(dtype, space.box.low, place);
  const high = readElement(dtype, space.box.high, place);
  if (typeof low === 'number' || typeof high === 'number') {
    return real(k % 5, Number(low), Number(high));
  }
  const count = high - low + 1n;
  return low + (BigInt(k) % (count < INTEGERS_OF_A_BOX ? count : INTEGERS_OF_A_BOX));
}

function element(space: Space, dtype: string, place: number, k: number): number | bigint {
  if (space.kind === 'box') return boxElement(space, dtype, place, k);
  if (space.kind === 'discrete') {
    return modulo(k, BigInt(space.discrete.n)) + Number(space.discrete.start);
  }
  if (space.kind === 'multi_discrete') {
    const { nvec, start } = space.multi_discrete;
    return (
      modulo(k, nvec.data.readBigInt64LE(8 * place)) + Number(start.data.readBigInt64LE(8 * place))
    );
  }
  return k % 2;
}

function text(space: Space, i: number, t: number): Row {
  const { min_length, max_length, characters } = space.text;
  const size = min_length + ((7 * i + 3 * t) % (Math.min(max_length - min_length, 4) + 1));
  const all = [...characters];
  const chosen = Array.from({ length: size }, (_, e) => all[(7 * i + 3 * t + e) % all.length]);
  return { text: chosen.join('') };
}

/** The action of sub-environment i at time t, by the rule of README.md. */
export function action(space: Space, i: number, t: number): Row {
  if (space.kind === 'text') return text(space, i, t);
  if (space.kind === 'dict') {
    const entries = space.dict.entries;
    return { dict: entries.map(({ key, space }): [string, Row] => [key, action(space, i, t)]) };
  }
  if (space.kind === 'tuple') {
    return { tuple: space.tuple.spaces.map((member) => action(member, i, t)) };
  }
  const { dtype, shape } = elementType(space);
  const array = Buffer.alloc(sizeOf(shape) * itemBytes(dtype));
  for (let e = 0; e < sizeOf(shape); e++) {
    writeElement(dtype, element(space, dtype, e, 7 * i + 3 * t + e), array, e);
  }
  return { array, dtype, shape };
}
