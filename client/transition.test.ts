import { describe, expect, test, vi } from 'vitest';
import {
  type Infos,
  TransitionDetails,
  type TransitionPart,
} from '../proto/gen/gymlink/v1/session.js';
import type { Value } from '../proto/gen/gymlink/v1/value.js';
import { encodeActions } from './actions.js';
import { infoList } from './infos.js';
import { asNdArray } from './nd-array.js';
import { Box, Discrete, type Space } from './spaces/index.js';
import { Rows } from './transition.js';
import { toMagnitude } from './values.js';

const space = new Box([-100], [100], [2], 'float32');

interface Row {
  readonly env: number;
  readonly observation: readonly number[];
  readonly reward?: number;
  readonly terminated?: number;
  readonly truncated?: number;
  readonly kind?: number;
  readonly final?: readonly number[];
}

/** A part as session.proto lays it out; `offset` moves its payload within the message. */
function part(
  rows: readonly Row[],
  offset = 0,
  details?: Partial<TransitionDetails>,
): TransitionPart {
  const finals = rows.flatMap(({ final }) => (final ? [final] : []));
  const flat = (values: readonly (readonly number[])[]) =>
    encodeActions(space, values.length, values.flat());
  const block = (array: ArrayBufferView) => {
    const bytes = Buffer.alloc(Math.ceil(array.byteLength / 8) * 8);
    Buffer.from(array.buffer, array.byteOffset, array.byteLength).copy(bytes);
    return bytes;
  };
  const payload = Buffer.concat([
    Buffer.alloc(offset, 0xee),
    block(Uint32Array.from(rows, ({ env }) => env)),
    block(Uint32Array.from(rows, ({ env }) => env + 10)),
    block(Uint32Array.from(rows, ({ env }) => env + 20)),
    block(BigUint64Array.from(rows, () => 7n)),
    block(Float64Array.from(rows, ({ reward }) => reward ?? 0)),
    block(Uint8Array.from(rows, ({ terminated }) => terminated ?? 0)),
    block(Uint8Array.from(rows, ({ truncated }) => truncated ?? 0)),
    block(Uint8Array.from(rows, ({ kind }) => kind ?? 0)),
    block(Uint8Array.from(rows, ({ final }) => (final ? 1 : 0))),
    flat(rows.map(({ observation }) => observation)),
    ...(finals.length > 0 ? [flat(finals)] : []),
  ]).subarray(offset);
  const all = { infos: undefined, finalInfos: undefined, seeds: [], failures: [], ...details };
  return {
    rows: rows.length,
    location: { $case: 'payload', value: payload },
    details: details ? TransitionDetails.encode(all).finish() : new Uint8Array(),
    uncompressedBytes: 0n,
  };
}

const observations = (rows: Rows) => [...(rows.observations.batch(true) as Float32Array)];

test.each([0, 1, 2, 3, 4, 5, 6, 7])('parts are joined, at offset %d of the message', (offset) => {
  const rows = new Rows(space, 3, 'Some-v0');
  rows.read([
    part([{ env: 0, observation: [1, 2], reward: 0.5, terminated: 1 }], offset),
    part(
      [
        { env: 1, observation: [3, 4], reward: -1, truncated: 1 },
        { env: 2, observation: [5, 6], reward: 1e300, kind: 2 },
      ],
      offset,
    ),
  ]);
  expect(observations(rows)).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...rows.rewards]).toEqual([0.5, -1, 1e300]);
  expect([...rows.terminations]).toEqual([1, 0, 0]);
  expect([...rows.truncations]).toEqual([0, 1, 0]);
  expect([...rows.kinds]).toEqual([0, 0, 2]);
  expect([...rows.episodes]).toEqual([10, 11, 12]);
  expect([...rows.episodeSteps]).toEqual([20, 21, 22]);
});

test('rows that were not asked for keep what they had', () => {
  const rows = new Rows(space, 4, 'Some-v0');
  rows.read([part([0, 1, 2, 3].map((env) => ({ env, observation: [env, env], reward: env })))]);
  rows.read(
    [
      part([
        { env: 0, observation: [7, 7] },
        { env: 2, observation: [8, 8] },
      ]),
      part([{ env: 3, observation: [9, 9] }]),
    ],
    [0, 2, 3],
  );
  expect(observations(rows)).toEqual([7, 7, 1, 1, 8, 8, 9, 9]);
  expect([...rows.rewards]).toEqual([0, 1, 0, 0]);
});

test('rows that were ready are by their places in the delivery, and may be fewer', () => {
  const rows = new Rows(space, 3, 'Some-v0');
  const seeds = [{ row: 0, seed: { magnitude: toMagnitude(5n) } }];
  expect(
    rows.readReady([
      part([{ env: 7, observation: [1, 2], reward: 0.5 }]),
      part([{ env: 900, observation: [3, 4], final: [5, 6], terminated: 1 }], 0, { seeds }),
      part([{ env: 30, observation: [7, 8], kind: 1 }]),
    ]),
  ).toBe(3);
  expect([...rows.envIndices]).toEqual([7, 900, 30]);
  expect(observations(rows)).toEqual([1, 2, 3, 4, 7, 8]);
  expect([...rows.rewards]).toEqual([0.5, 0, 0]);
  expect([...rows.kinds]).toEqual([0, 0, 1]);
  expect([...rows.finalObservations.keys()]).toEqual([1]);
  expect([...rows.details.seeds]).toEqual([[1, 5n]]);
  expect(rows.readReady([part([{ env: 2, observation: [9, 9] }])])).toBe(1);
  expect(rows.envIndices[0]).toBe(2);
  expect(observations(rows).slice(0, 2)).toEqual([9, 9]);
  const tooMany = [part([0, 1, 2, 3].map((env) => ({ env, observation: [0, 0] })))];
  expect(() => rows.readReady(tooMany)).toThrow(
    expect.objectContaining({ reason: 'MALFORMED_REPLY' }),
  );
});

test('final observations, seeds and infos are those of this transition alone', () => {
  const rows = new Rows(space, 2, 'Some-v0');
  const seeds = [{ row: 1, seed: { magnitude: toMagnitude(2n ** 127n) } }];
  const both = [
    { env: 0, observation: [1, 1], final: [-1, -2], terminated: 1 },
    { env: 1, observation: [2, 2] },
  ];
  rows.read([part(both, 0, { seeds, infos: { entries: [] }, finalInfos: { entries: [] } })]);
  expect([...rows.finalObservations]).toEqual([
    [0, asNdArray(Float32Array.of(-1, -2), [2], 'float32')],
  ]);
  expect([...rows.details.seeds]).toEqual([[1, 2n ** 127n]]);
  expect(rows.details.infos.map(({ envs }) => envs)).toEqual([[0, 1]]);
  expect(rows.details.finalInfos.map(({ envs }) => envs)).toEqual([[0]]);
  rows.read([part(both.map(({ env, observation }) => ({ env, observation })))]);
  expect(
    rows.finalObservations.size +
      rows.details.seeds.size +
      rows.details.infos.length +
      rows.details.finalInfos.length,
  ).toBe(0);
});

describe('what is not the transition that was asked for is MALFORMED_REPLY', () => {
  const row = (env: number) => ({ env, observation: [0, 0] });
  const withPayload = (payload: Uint8Array, rows = 1): TransitionPart => ({
    ...part([row(0)]),
    rows,
    location: { $case: 'payload', value: payload },
  });
  const whole = (part([row(0)]).location as { value: Uint8Array }).value;
  const broken: readonly [string, readonly TransitionPart[], readonly number[]][] = [
    ['a row too few', [part([row(0)])], []],
    ['a row too many', [part([row(0), row(1), row(2)])], []],
    ['a row twice', [part([row(0)]), part([row(0)])], []],
    ['rows out of order', [part([row(1), row(0)])], []],
    ['a row that was not asked for', [part([row(1)])], [0]],
    ['a sub-environment that does not exist', [part([row(0)]), part([row(9)])], []],
    ['no rows', [withPayload(new Uint8Array(), 0)], [0]],
    ['more rows than could be', [withPayload(whole, 2 ** 32 - 1)], []],
    ['a payload that is cut off', [withPayload(whole.subarray(0, -8))], [0]],
    ['a payload that is too long', [withPayload(Buffer.concat([whole, Buffer.alloc(8)]))], [0]],
    ['a payload compressed unasked', [{ ...part([row(0)]), uncompressedBytes: 500n }], [0]],
    ['a payload elsewhere', [{ ...part([row(0)]), location: undefined }], [0]],
  ];
  test.each(broken)('%s', (_, parts, asked) => {
    expect(() => new Rows(space, 2, 'Some-v0').read(parts, asked)).toThrow(
      expect.objectContaining({ name: 'GymlinkError', reason: 'MALFORMED_REPLY' }),
    );
  });
});

test('a compressed payload is read as the whole one, if it says how long that is', () => {
  const row = { env: 0, observation: [1, 2] };
  const plain = part([row]);
  const { value } = plain.location as { value: Uint8Array };
  const columnBytes = value.length - 8;
  const packed = (length: number): TransitionPart => ({
    ...plain,
    location: {
      $case: 'payload',
      value: Buffer.concat([value.subarray(0, columnBytes), Buffer.from('zstd')]),
    },
    uncompressedBytes: BigInt(length),
  });
  const decompress = vi.fn(() => value.subarray(columnBytes));
  const rows = new Rows(space, 1, 'Some-v0', { decompress });
  rows.read([packed(value.length)]);
  expect(observations(rows)).toEqual([1, 2]);
  expect(decompress.mock.calls).toEqual([[Buffer.from('zstd'), 8]]);
  for (const length of [columnBytes, 1, 2 ** 40])
    expect(() => rows.read([packed(length)])).toThrow(/are compressed from/);
  expect(decompress).toHaveBeenCalledTimes(1);
});

test('before the first reset all is zero', () => {
  const discrete: Space = new Discrete(3);
  const rows = new Rows(discrete, 2, 'Some-v0');
  expect(rows.observations.batch(true)).toEqual(asNdArray(Int32Array.of(0, 0), [2], 'int64'));
});

test('infos that could not travel are warned of once', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
  const unsupported = (pythonType: string): Value => ({
    kind: { $case: 'unsupported', value: { pythonType } },
  });
  const text = (value: string): Value => ({ kind: { $case: 'text', value } });
  const infosOf = (value: Value): Infos => ({
    entries: [
      {
        key: text('x'),
        present: new Uint8Array(),
        values: { $case: 'trees', value: { values: [value] } },
      },
    ],
  });
  const list = [unsupported('b.Second'), text('y'), unsupported('a.First')];
  const deep: Value = {
    kind: {
      $case: 'map',
      value: {
        entries: [{ key: text('y'), value: { kind: { $case: 'list', value: { values: list } } } }],
      },
    },
  };
  const row = { env: 0, observation: [1, 2] };
  const rows = new Rows(space, 1, 'Some-v0');
  const infosAfter = (transition: TransitionPart) => {
    rows.read([transition]);
    expect(warn.mock.calls.length).toBeLessThanOrEqual(1);
    return rows.details.infos;
  };
  infosAfter(part([row], 0, { infos: infosOf(text('fine')) }));
  expect(warn).not.toHaveBeenCalled();
  infosAfter(part([{ ...row, final: [3, 4] }], 0, { finalInfos: infosOf(deep) }));
  infosAfter(part([row], 0, { infos: infosOf(unsupported('c.Third')) }));
  expect(warn.mock.calls).toEqual([
    [
      'Infos of Some-v0 hold values of type a.First, b.Second, which cannot travel. ' +
        'A text with the name of the type stands in each one’s place.',
      'GymlinkWarning',
    ],
  ]);
  warn.mockRestore();
  expect(infoList(rows.details.infos, 1)).toEqual([{ x: '<c.Third: cannot travel>' }]);
});
