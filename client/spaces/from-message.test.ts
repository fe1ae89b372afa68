import { describe, expect, test } from 'vitest';
import { Space as SpaceMessage } from '../../proto/gen/gymlink/v1/space.js';
import { Dtype } from '../../proto/gen/gymlink/v1/value.js';
import { GymlinkError } from '../errors.js';
import { asNdArray } from '../nd-array.js';
import { type Box, batchSpace, type Dict, fromSpaceMessage } from './index.js';

describe('from the wire', () => {
  const int64 = (...values: bigint[]) => ({
    dtype: Dtype.DTYPE_INT64,
    shape: [BigInt(values.length)],
    data: new Uint8Array(BigInt64Array.from(values).buffer),
  });
  const none = { unboundedBelow: new Uint8Array(), unboundedAbove: new Uint8Array() };
  const wire = (kind: SpaceMessage['kind']) =>
    fromSpaceMessage(SpaceMessage.decode(SpaceMessage.encode({ kind }).finish()));

  test('bounds may be one for all elements, and lie at any offset of the message', () => {
    const space = wire({
      $case: 'box',
      value: {
        dtype: Dtype.DTYPE_FLOAT32,
        shape: [2n, 2n],
        low: new Uint8Array(Float32Array.of(-1).buffer),
        high: new Uint8Array(Float32Array.of(1, 2, 3, Infinity).buffer),
        ...none,
      },
    }) as Box;
    expect([...(space.low as Float32Array)]).toEqual([-1, -1, -1, -1]);
    expect([...(space.high as Float32Array)]).toEqual([1, 2, 3, Infinity]);
    expect(space.shape).toEqual([2, 2]);
  });

  const integers = {
    dtype: Dtype.DTYPE_INT64,
    shape: [2n],
    low: new Uint8Array(BigInt64Array.of(-(2n ** 63n)).buffer),
    high: new Uint8Array(BigInt64Array.of(3n, 2n ** 63n - 1n).buffer),
  };

  test('integers may have no bounds, where the message has the limits of their dtype', () => {
    const value = {
      ...integers,
      unboundedBelow: Uint8Array.of(1),
      unboundedAbove: Uint8Array.of(0, 1),
    };
    const open = wire({ $case: 'box', value }) as Box;
    expect([...open.boundedBelow, ...open.boundedAbove]).toEqual([0, 0, 1, 0]);
    expect(open.toJSON()).toMatchObject({ low: ['-Infinity'], high: ['3', 'Infinity'] });
    const closed = wire({ $case: 'box', value: { ...integers, ...none } }) as Box;
    expect([...closed.boundedBelow, ...closed.boundedAbove]).toEqual([1, 1, 1, 1]);
    expect(open.equals(closed)).toBe(true);
    const broken = { ...integers, ...none, unboundedAbove: Uint8Array.of(0, 1, 1) };
    expect(() => wire({ $case: 'box', value: broken })).toThrow(
      expect.objectContaining({ reason: 'MALFORMED_REPLY' }),
    );
  });

  test('values beyond 32 bits are bigint, those of uint32 numbers', () => {
    const discrete = (n: bigint, start: bigint, dtype: Dtype) =>
      wire({ $case: 'discrete', value: { n, start, dtype } });
    const long = discrete(2n ** 40n, -3n, Dtype.DTYPE_INT64);
    expect(long).toMatchObject({ n: 2n ** 40n, start: -3n });
    expect(typeof long.sample()).toBe('bigint');
    const last = discrete(1n, -1n, Dtype.DTYPE_UINT64);
    expect(last.sample()).toBe(2n ** 64n - 1n);
    expect(last.contains(2n ** 64n - 1n)).toBe(true);
    expect(discrete(1n, 2n ** 32n - 1n, Dtype.DTYPE_UINT32).sample()).toBe(2 ** 32 - 1);
    expect(batchSpace(last, 2).sample()).toEqual(
      asNdArray(BigUint64Array.of(2n ** 64n - 1n, 2n ** 64n - 1n), [2], 'uint64'),
    );
  });

  test('nested spaces keep order and starts', () => {
    const space = wire({
      $case: 'dict',
      value: {
        unsorted: true,
        entries: [
          {
            key: 'z',
            space: {
              kind: { $case: 'discrete', value: { n: 3n, start: -1n, dtype: Dtype.DTYPE_INT32 } },
            },
          },
          {
            key: '1',
            space: {
              kind: {
                $case: 'multiDiscrete',
                value: { nvec: int64(2n, 3n), start: int64(0n, 4n), dtype: Dtype.DTYPE_INT64 },
              },
            },
          },
          {
            key: 't',
            space: {
              kind: {
                $case: 'tuple',
                value: {
                  spaces: [
                    { kind: { $case: 'multiBinary', value: { shape: [2n], fromScalar: true } } },
                  ],
                },
              },
            },
          },
          {
            key: 's',
            space: {
              kind: { $case: 'text', value: { minLength: 1, maxLength: 2, characters: 'xé' } },
            },
          },
        ],
      },
    });
    expect((batchSpace(space, 2) as Dict).entries.map(([key]) => key)).toEqual([
      'z',
      '1',
      't',
      's',
    ]);
    expect(`${space}`).toBe(
      "Dict('z': Discrete(3, start=-1, dtype=int32), '1': MultiDiscrete([2 3], start=[0 4]), 't': Tuple(MultiBinary(2)), 's': Text(1, 2, charset=xé))",
    );
  });

  const refused: readonly [string, SpaceMessage['kind']][] = [
    ['no kind', undefined],
    ['a Sequence of nothing', { $case: 'sequence', value: { space: undefined, stacked: false } }],
    ['a OneOf without spaces', { $case: 'oneOf', value: { spaces: [] } }],
    [
      'values beyond the dtype',
      { $case: 'discrete', value: { n: 2n ** 40n, start: 0n, dtype: Dtype.DTYPE_UINT32 } },
    ],
  ];
  test.each(refused)('%s is UNIMPLEMENTED', (_, kind) => {
    expect(() => fromSpaceMessage({ kind })).toThrow(
      expect.objectContaining({ name: 'GymlinkError', reason: 'UNIMPLEMENTED' }),
    );
  });

  test('a dtype that does not exist is MALFORMED_REPLY', () => {
    const kind = { $case: 'discrete', value: { n: 2n, start: 0n, dtype: 77 as Dtype } } as const;
    expect(() => fromSpaceMessage({ kind })).toThrow(GymlinkError);
    expect(() => fromSpaceMessage({ kind })).toThrow(/dtype 77/);
  });
});
