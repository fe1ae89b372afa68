import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Dtype, Value } from '../proto/gen/gymlink/v1/value.js';
import { asNdArray } from './nd-array.js';
import {
  type Argument,
  fromMagnitude,
  fromMap,
  fromValue,
  PythonFloat,
  PythonTuple,
  toMagnitude,
  toMap,
  toValue,
} from './values.js';

/** An argument as the environment's side would give it back. */
const there = (argument: Argument) =>
  fromValue(Value.decode(Value.encode(toValue(argument)).finish()));

describe('an argument is the Python value that it looks like', () => {
  const kinds: readonly [string, Argument, Value['kind']][] = [
    ['null is None', null, { $case: 'none', value: {} }],
    ['a whole number is an int', 3, { $case: 'integer', value: 3n }],
    ['a fraction is a float', 0.5, { $case: 'real', value: 0.5 }],
    ['a number beyond 2**53 is a float', 1e300, { $case: 'real', value: 1e300 }],
    ['minus zero is a float', -0, { $case: 'real', value: -0 }],
    ['infinity is a float', Infinity, { $case: 'real', value: Infinity }],
    ['PythonFloat(1) is 1.0', new PythonFloat(1), { $case: 'real', value: 1 }],
    ['a bigint is an int', -(2n ** 63n), { $case: 'integer', value: -(2n ** 63n) }],
    [
      'a bigint beyond 64 bits is an int, too',
      -(2n ** 64n),
      {
        $case: 'bigInteger',
        value: { negative: true, magnitude: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1) },
      },
    ],
    ['true is True', true, { $case: 'boolean', value: true }],
    ['a string is a str', 'é', { $case: 'text', value: 'é' }],
    ['a Uint8Array is bytes', Uint8Array.of(1, 2), { $case: 'binary', value: Uint8Array.of(1, 2) }],
    ['an array is a list', [], { $case: 'list', value: { values: [] } }],
    ['a PythonTuple is a tuple', new PythonTuple([]), { $case: 'tuple', value: { values: [] } }],
    ['an object is a dict', {}, { $case: 'map', value: { entries: [] } }],
    [
      'an NdArray is a numpy.ndarray',
      asNdArray(Float32Array.of(1), [1, 1], 'float32'),
      {
        $case: 'array',
        value: { dtype: Dtype.DTYPE_FLOAT32, shape: [1n, 1n], data: Uint8Array.of(0, 0, 128, 63) },
      },
    ],
    [
      'an NdArray of another class is of its dtype',
      asNdArray(Int32Array.of(-2), [1], 'int64'),
      {
        $case: 'array',
        value: {
          dtype: Dtype.DTYPE_INT64,
          shape: [1n],
          data: new Uint8Array(BigInt64Array.of(-2n).buffer),
        },
      },
    ],
  ];
  test.each(kinds)('%s', (_, argument, kind) => {
    expect(toValue(argument).kind).toEqual(kind);
  });
});

test('plain values come back as they were', () => {
  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true }),
      fc.maxSafeInteger(),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 300n }).map((x) => (x % 2n === 0n ? x : -x)),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
    ),
  })).value;
  fc.assert(
    fc.property(plain, (value) => {
      expect(there(value as Argument)).toEqual(value);
    }),
    { seed: 1 },
  );
});

test('NumPy’s scalars and arrays keep what JavaScript can hold', () => {
  const scalar = (dtype: Dtype, data: ArrayBufferLike) =>
    fromValue({
      kind: { $case: 'scalar', value: { dtype, shape: [], data: new Uint8Array(data) } },
    });
  expect(scalar(Dtype.DTYPE_INT64, BigInt64Array.of(5n).buffer)).toBe(5);
  expect(scalar(Dtype.DTYPE_UINT64, BigUint64Array.of(2n ** 64n - 1n).buffer)).toBe(2n ** 64n - 1n);
  expect(scalar(Dtype.DTYPE_BOOL, Uint8Array.of(1).buffer)).toBe(true);
  expect(scalar(Dtype.DTYPE_FLOAT16, Uint16Array.of(0x3c00).buffer)).toBe(1);
  const array = there(asNdArray(Float32Array.of(0.1, 2), [2, 1], 'float16'));
  expect(array).toEqual(asNdArray(Float32Array.of(0.0999755859375, 2), [2, 1], 'float16'));
});

test('a dict whose keys are not all text is a Map, also as an argument', () => {
  const map = new Map<Argument, Argument>([
    [3, 'a'],
    ['x', [1]],
  ]);
  expect(there(map)).toEqual(map);
  expect(there({ x: 1 })).toEqual({ x: 1 });
});

test('a key __proto__ is a key like any other', () => {
  const entries = [{ key: toValue('__proto__'), value: toValue(1) }];
  const found = fromMap({ entries }) as Record<string, unknown>;
  expect(Object.keys(found)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
  expect(toMap(JSON.parse('{"__proto__": 1}')).entries).toEqual(entries);
});

test('arguments that are undefined are left out', () => {
  expect(toMap({ a: undefined, b: 1 }).entries).toEqual([{ key: toValue('b'), value: toValue(1) }]);
});

test('magnitudes are little-endian and without zeros at the end', () => {
  expect([...toMagnitude(0n)]).toEqual([]);
  expect([...toMagnitude(0x1_02n)]).toEqual([2, 1]);
  expect(fromMagnitude(toMagnitude(2n ** 200n + 5n))).toBe(2n ** 200n + 5n);
});

test('a value that cannot travel from Python is named', () => {
  const value = {
    kind: { $case: 'unsupported', value: { pythonType: 'collections.deque' } },
  } as const;
  expect(fromValue(value)).toContain('collections.deque');
});

describe('what cannot be sent is INVALID_ARGUMENT', () => {
  const arguments_: readonly [string, unknown][] = [
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['an object of a class', new Date()],
    ['a typed array without a shape', Float32Array.of(1)],
    ['an array of another shape', asNdArray(Float32Array.of(1), [2], 'float32')],
  ];
  test.each(arguments_)('%s', (_, argument) => {
    expect(() => toValue(argument as Argument)).toThrow(
      expect.objectContaining({ name: 'GymlinkError', reason: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('what the server may not send is MALFORMED_REPLY', () => {
  const values: readonly [string, Value][] = [
    ['a value without a kind', { kind: undefined }],
    [
      'a tensor of the wrong length',
      {
        kind: {
          $case: 'array',
          value: { dtype: Dtype.DTYPE_INT16, shape: [2n], data: new Uint8Array(3) },
        },
      },
    ],
    [
      'a tensor without a dtype',
      {
        kind: {
          $case: 'array',
          value: { dtype: Dtype.DTYPE_UNSPECIFIED, shape: [], data: new Uint8Array() },
        },
      },
    ],
  ];
  test.each(values)('%s', (_, value) => {
    expect(() => fromValue(value)).toThrow(expect.objectContaining({ reason: 'MALFORMED_REPLY' }));
  });
});
