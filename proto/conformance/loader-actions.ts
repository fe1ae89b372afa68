import type { Space } from './loader-messages.js';
import { elementType, type Row } from './loader-spaces.js';
import { itemBytes, sizeOf } from './loader-values.js';

const INTEGERS_OF_A_BOX = 256n;
const MOST_ELEMENTS = 3;
const MOST_EXTRA_CHARACTERS = 4;

/** Remainder that is never negative. */
const modulo = (number: number, divisor: bigint) => Number(BigInt(number) % divisor);

/** The bits of an IEEE 754 binary16, rounded to nearest, ties to even. */
function toHalf(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const scaled = size / 2 ** (exponent - 10);
  const below = Math.floor(scaled);
  const rest = scaled - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  return sign + ((exponent + 14) << 10) + below + (isUp ? 1 : 0);
}

function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return bits & 0x8000 ? -Infinity : Infinity;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

function writeElement(dtype: string, value: number | bigint, bytes: Buffer, place: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + place * itemBytes(dtype));
  const number = Number(value);
  if (dtype === 'float64') view.setFloat64(0, number, true);
  else if (dtype === 'float32') view.setFloat32(0, number, true);
  else if (dtype === 'float16') view.setUint16(0, toHalf(number), true);
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
  if (dtype === 'float16') return fromHalf(view.getUint16(0, true));
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

function text(space: Space, m: number): Row {
  const { min_length, max_length, characters } = space.text;
  const lengths = Math.min(max_length - min_length, MOST_EXTRA_CHARACTERS) + 1;
  const all = [...characters];
  const size = min_length + (m % lengths);
  return { text: Array.from({ length: size }, (_, e) => all[(m + e) % all.length]).join('') };
}

/** `size` values one after another, the first of which has number m. */
function run(space: Space, m: number, size: number): Row[] {
  return Array.from({ length: size }, (_, j) => valueFor(space, m + j));
}

function graph({ graph: { node_space, edge_space } }: Space, m: number): Row {
  const count = 1 + (m % MOST_ELEMENTS);
  const size = m % (MOST_ELEMENTS + 1);
  const nodes = run(node_space, m, count);
  if (!edge_space || size === MOST_ELEMENTS) {
    return { graph: { nodes, edges: null, edgeLinks: null } };
  }
  const links = Array.from({ length: size }, (_, j) => [(m + j) % count, (m + 2 * j) % count]);
  const edgeLinks = Buffer.from(Int32Array.from(links.flat()).buffer);
  return { graph: { nodes, edges: run(edge_space, m, size), edgeLinks } };
}

function array(space: Space, m: number): Row {
  const { dtype, shape } = elementType(space);
  const bytes = Buffer.alloc(sizeOf(shape) * itemBytes(dtype));
  for (let e = 0; e < sizeOf(shape); e++) {
    writeElement(dtype, element(space, dtype, e, m + e), bytes, e);
  }
  return { array: bytes, dtype, shape };
}

const RULES: Record<string, (space: Space, m: number) => Row> = {
  text,
  dict: ({ dict }, m) => {
    return { dict: dict.entries.map(({ key, space }): [string, Row] => [key, valueFor(space, m)]) };
  },
  tuple: ({ tuple }, m) => ({ tuple: tuple.spaces.map((member) => valueFor(member, m)) }),
  sequence: ({ sequence }, m) => {
    return { sequence: run(sequence.space, m, m % (MOST_ELEMENTS + 1)) };
  },
  graph,
  one_of: ({ one_of: { spaces } }, m) => {
    const variant = m % spaces.length;
    return { oneOf: [variant, valueFor(spaces[variant] as Space, m)] };
  },
};

function valueFor(space: Space, m: number): Row {
  return (RULES[space.kind] ?? array)(space, m);
}

/** The action of sub-environment i at time t, by the rule of README.md. */
export function action(space: Space, i: number, t: number): Row {
  return valueFor(space, 7 * i + 3 * t);
}
