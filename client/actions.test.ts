import { describe, expect, test } from 'vitest';
import { encodeAction, encodeActions } from './actions.js';
import {
  Box,
  Dict,
  Discrete,
  Graph,
  MultiBinary,
  MultiDiscrete,
  OneOf,
  Sequence,
  type Space,
  Text,
  Tuple,
} from './spaces/index.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const box = new Box([-1], [1], [2], 'float32');
const arm = new Dict([
  ['grip', new Discrete(3)],
  ['pose', new Tuple([box, new Text(0, 4, 'ab')])],
]);

describe('one action', () => {
  const actions: readonly [Space, unknown, string][] = [
    [new Discrete(4), 2, '0200000000000000'],
    [new Discrete(4, -2), -1, 'ffffffffffffffff'],
    [new Discrete(4, 0, 'int8'), 3, '0300000000000000'],
    [box, Float32Array.of(0.5, -1), '0000003f000080bf'],
    [box, [0.5, -1], '0000003f000080bf'],
    [new Box([0], [1], [], 'float64'), 0.5, '000000000000e03f'],
    [new Box([0], [1], [1], 'bool'), [true], '0100000000000000'],
    [new Box([0n], [9n], [1], 'int64'), [7n], '0700000000000000'],
    [new MultiDiscrete([3, 3]), Int32Array.of(1, 2), '01000000000000000200000000000000'],
    [new MultiBinary([3]), [1, 0, 1], '0100010000000000'],
    [new Text(0, 4, 'ab'), 'ab', '00000000020000006162000000000000'],
    [
      arm,
      { pose: [Float32Array.of(0.5, -1), 'b'], grip: 1 },
      '01000000000000000000003f000080bf00000000010000006200000000000000',
    ],
  ];
  test.each(actions)('of %s', (space, action, payload) => {
    expect(hex(encodeAction(space, action))).toBe(payload);
  });
});

describe('a batch', () => {
  test('of a Box is flat or an array an action', () => {
    const flat = hex(encodeActions(box, 2, Float32Array.of(1, 2, 3, 4)));
    expect(flat).toBe('0000803f000000400000404000008040');
    expect(hex(encodeActions(box, 2, [1, 2, 3, 4]))).toBe(flat);
    expect(hex(encodeActions(box, 2, [[1, 2], Float32Array.of(3, 4)]))).toBe(flat);
    expect(hex(encodeActions(box, 2, Float64Array.of(1, 2, 3, 4)))).toBe(flat);
  });

  test('of a nested space has a batch at each leaf', () => {
    const batch = {
      grip: Int32Array.of(1, 2),
      pose: [
        [1, 2, 3, 4],
        ['a', ''],
      ],
    };
    const one = (action: unknown) => hex(encodeAction(arm, action));
    expect(hex(encodeActions(arm, 1, { grip: [1], pose: [[1, 2], ['a']] }))).toBe(
      one({ grip: 1, pose: [[1, 2], 'a'] }),
    );
    expect(encodeActions(arm, 2, batch).length).toBe(16 + 16 + 16 + 8);
  });

  test('is copied: what the caller does to its array afterwards is not sent', () => {
    const actions = Float32Array.of(1, 2);
    const payload = encodeActions(box, 1, actions);
    actions.fill(9);
    expect(hex(payload)).toBe('0000803f00000040');
  });
});

describe('an action of the wrong kind is INVALID_ACTION, before anything is sent', () => {
  const wrong: readonly [string, Space, number, unknown, RegExp, readonly number[]][] = [
    [
      'too few',
      new Discrete(2),
      3,
      [0, 1],
      /3 elements are needed for 3 actions, 2 were given/,
      [],
    ],
    ['too many', box, 1, [1, 2, 3], /2 elements are needed/, []],
    ['a number for a batch', new Discrete(2), 2, 1, /a number was given where an array/, []],
    ['nothing', new Discrete(2), 2, undefined, /undefined was given/, []],
    [
      'a text for a number',
      new Discrete(2),
      2,
      [0, 'a'],
      /sub-environment 1.*a string was given/,
      [1],
    ],
    ['null for a number', box, 2, [1, 2, 3, null], /sub-environment 1.*null was given/, [1]],
    ['a fraction', new Discrete(2), 2, [0, 0.5], /0.5 is no whole number/, [1]],
    [
      'a fraction in a typed array',
      new Discrete(2),
      2,
      Float32Array.of(0, 0.5),
      /0.5 is no whole number/,
      [1],
    ],
    ['NaN for an integer', new MultiDiscrete([2]), 1, [Number.NaN], /NaN is no whole number/, [0]],
    ['300 for int8', new Discrete(2, 0, 'int8'), 1, [300], /300 does not fit int8/, [0]],
    ['-1 for uint64', new Box([0n], [1n], [1], 'uint64'), 1, [-1n], /-1 does not fit uint64/, [0]],
    [
      '2**63 for int64',
      new Box([0n], [1n], [1], 'int64'),
      1,
      [2n ** 63n],
      /does not fit int64/,
      [0],
    ],
    ['2 for bool', new Box([0], [1], [1], 'bool'), 1, Uint8Array.of(2), /2 does not fit bool/, [0]],
    ['a short row', box, 2, [[1, 2], [3]], /sub-environment 1.*has 1 elements, not 2/, [1]],
    ['an array for a Dict', arm, 1, [], /an array was given where an object/, []],
    ['a key too few', arm, 1, { grip: [1] }, /the key "pose" is missing/, []],
    ['a key too many', arm, 1, { grip: [1], pose: [[1, 2], ['a']], x: 1 }, /no key "x"/, []],
    ['a short Tuple', arm, 1, { grip: [1], pose: [[1, 2]] }, /array of 2 elements/, []],
    [
      'a wrong element of a sequence',
      new Sequence(new Discrete(3)),
      2,
      [
        [0, 1, 2],
        [0, 'a'],
      ],
      /sub-environment 1.*a string was given/,
      [1],
    ],
    ['a variant too high', new OneOf([box]), 1, [[1, [0, 0]]], /index below 1/, [0]],
    [
      'a link to no node',
      new Graph(new Discrete(3)),
      1,
      [{ nodes: [1, 2], edges: null, edgeLinks: [[0, 2]] }],
      /nodes from 0 to 1/,
      [0],
    ],
    [
      'a number for a Text',
      new Text(0, 2, 'a'),
      2,
      ['a', 1],
      /sub-environment 1.*a number was given/,
      [1],
    ],
  ];
  test.each(wrong)('%s', (_, space, n, actions, message, envIndices) => {
    expect(() => encodeActions(space, n, actions)).toThrow(
      expect.objectContaining({
        name: 'GymlinkError',
        reason: 'INVALID_ACTION',
        message: expect.stringMatching(message),
        envIndices,
      }),
    );
  });
});
