import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Value } from '../proto/gen/gymlink/v1/value.js';
import { asNdArray } from './nd-array.js';
import {
  fromMagnitude,
  fromValue,
  PythonFloat,
  PythonTuple,
  toMagnitude,
  toValue,
} from './values.js';

/** A value that went over the wire. */
function passed(value: Parameters<typeof toValue>[0]): unknown {
  return fromValue(Value.decode(Value.encode(toValue(value)).finish()));
}

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 200n }),
    fc.string(),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
  ),
})).value;

test('plain values come back as they were sent', () => {
  fc.assert(
    fc.property(plain, (value) => {
      expect(passed(value as never)).toEqual(value);
    }),
    { numRuns: 1000 },
  );
});

test('magnitudes are little-endian, without trailing zeros', () => {
  expect([...toMagnitude(0n)]).toEqual([]);
  expect([...toMagnitude(42n)]).toEqual([42]);
  expect([...toMagnitude(0x0100n)]).toEqual([0, 1]);
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 256n }),
      (n) => fromMagnitude(toMagnitude(n)) === n,
    ),
  );
});

test('numbers become what Python would write', () => {
  expect(toValue(1).kind).toEqual({ $case: 'integer', value: 1n });
  expect(toValue(1.5).kind).toEqual({ $case: 'real', value: 1.5 });
  expect(toValue(-0).kind).toEqual({ $case: 'real', value: -0 });
  expect(toValue(new PythonFloat(1)).kind).toEqual({ $case: 'real', value: 1 });
  expect(toValue(-(2n ** 63n)).kind).toEqual({ $case: 'integer', value: -(2n ** 63n) });
  expect(toValue(2n ** 63n).kind?.$case).toBe('bigInteger');
  expect(toValue(new PythonTuple([1])).kind?.$case).toBe('tuple');
});

test('arrays keep dtype and shape', () => {
  const array = asNdArray(Float32Array.of(1, 2, 3, 4), [2, 2], 'float32');
  const found = passed(array) as typeof array;
  expect(found).toBeInstanceOf(Float32Array);
  expect([found.shape, found.dtype, [...found]]).toEqual([[2, 2], 'float32', [1, 2, 3, 4]]);
  expect(() => toValue(new Float32Array(2) as never)).toThrow(/shape and a dtype/);
});

test('a key __proto__ is a key like any other', () => {
  const found = passed(JSON.parse('{"__proto__": {"polluted": true}}')) as Record<string, unknown>;
  expect(Object.keys(found)).toEqual(['__proto__']);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('what cannot be sent is refused', () => {
  expect(() => toValue((() => 1) as never)).toThrow(/function/);
  expect(() => fromValue({ kind: undefined })).toThrow(/without a kind/);
});
