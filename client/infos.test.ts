/** Vector infos against Gymnasium's own `VectorEnv._add_info`, which runs in Python on the same infos. */
import { execFile } from 'node:child_process';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { Infos, InfoType } from '../proto/gen/gymlink/v1/session.js';
import { Dtype, type Value } from '../proto/gen/gymlink/v1/value.js';
import type { RowInfos } from './details.js';
import { infoList } from './infos.js';
import { asNdArray, isTypedArray } from './nd-array.js';
import { vectorInfos } from './vector-infos.js';

/** JSON of gymnasium_infos.py. */
type Plain =
  | null
  | boolean
  | string
  | Plain[]
  | { number: string }
  | { map: Record<string, Plain> }
  | { dtype: string; shape: number[]; items: Plain[] };

interface Case {
  readonly name: string;
  readonly numEnvs: number;
  readonly parts: readonly [first: number, rows: number, infos: string][];
  readonly each: Plain;
  readonly expected?: Plain;
  readonly raises?: string;
}

const script = fileURLToPath(new URL('./fixtures/gymnasium_infos.py', import.meta.url));
const pythonEnvs = fileURLToPath(new URL('../python-envs', import.meta.url));

/** A result here in the form of gymnasium_infos.py. */
function plain(value: unknown, dtype?: string): Plain {
  if (isTypedArray(value)) {
    const { shape, dtype: own } = value as typeof value & { shape: number[]; dtype: string };
    const items = Array.from(value as ArrayLike<number>, (item) => plain(item, own));
    return { dtype: own, shape: [...shape], items };
  }
  if (Array.isArray(value)) return value.map((item) => plain(item));
  if (value instanceof Map)
    return { map: Object.fromEntries([...value].map(([key, item]) => [`${key}`, plain(item)])) };
  if (dtype === 'bool') return value === 1;
  if (typeof value === 'number' || typeof value === 'bigint') return { number: `${value}` };
  if (typeof value === 'object' && value !== null)
    return {
      map: Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)])),
    };
  return value as Plain;
}

/** Python's texts of numbers as JavaScript's: 1.0 is 1 there. */
function normal(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  if ('number' in value) {
    if (/^-?\d+$/.test(value.number)) return { number: `${BigInt(value.number)}` };
    return { number: `${Number(value.number.replace('nan', 'NaN').replace('inf', 'Infinity'))}` };
  }
  if ('map' in value)
    return {
      map: Object.fromEntries(Object.entries(value.map).map(([key, item]) => [key, normal(item)])),
    };
  return { ...value, items: value.items.map(normal) };
}

function rowInfos([first, rows, hex]: Case['parts'][number]): RowInfos {
  const envs = Array.from({ length: rows }, (_, row) => first + row);
  return { infos: Infos.decode(Buffer.from(hex, 'hex')), envs };
}

describe('against Gymnasium', () => {
  let cases: readonly Case[];

  beforeAll(async () => {
    const env = {
      ...process.env,
      PYTHONPATH: [pythonEnvs, process.env.PYTHONPATH].filter(Boolean).join(delimiter),
    };
    const python = process.env.GYMLINK_DEV_PYTHON ?? 'python3';
    const { stdout } = await promisify(execFile)(python, ['-W', 'ignore', script], { env });
    cases = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Case);
  });

  test('the vector form is equal wherever Gymnasium makes one', () => {
    const made = cases.filter(({ expected }) => expected !== undefined);
    expect(made.length).toBeGreaterThan(40);
    for (const { name, numEnvs, parts, expected } of made) {
      const infos = vectorInfos(parts.map(rowInfos), new Map(), [], numEnvs);
      expect(plain(infos), name).toEqual(normal(expected as Plain));
    }
  });

  test('where Gymnasium raises, the values stand in a list', () => {
    const raising = cases.filter(({ raises }) => raises !== undefined);
    expect(raising.length).toBeGreaterThan(15);
    for (const { name, numEnvs, parts, each } of raising) {
      const infos = vectorInfos(parts.map(rowInfos), new Map(), [], numEnvs);
      const values = (each as { map: Record<string, Plain> }[]).map(({ map }) => map.x);
      expect(plain(infos.x), name).toEqual(normal(values as Plain));
      expect([...(infos._x as Uint8Array)], name).toEqual(values.map(() => 1));
    }
  });

  test('each sub-environment has its own info as it was', () => {
    for (const { name, numEnvs, parts, each } of cases)
      expect(plain(infoList(parts.map(rowInfos), numEnvs)), name).toEqual(normal(each));
  });
});

const integer = (value: bigint): Value => ({ kind: { $case: 'integer', value } });
const text = (value: string): Value => ({ kind: { $case: 'text', value } });

function trees(key: string, ...values: Value[]): Infos {
  return {
    entries: [
      { key: text(key), present: new Uint8Array(), values: { $case: 'trees', value: { values } } },
    ],
  };
}

test('final observations and infos stand beside those of the reset, masked', () => {
  const infos = vectorInfos(
    [{ infos: trees('life', integer(3n), integer(2n)), envs: [0, 1] }],
    new Map([[1, asNdArray(Float32Array.of(5), [1], 'float32')]]),
    [{ infos: trees('life', integer(0n)), envs: [1] }],
    2,
  );
  expect(infos.final_obs).toEqual([null, asNdArray(Float32Array.of(5), [1], 'float32')]);
  expect([...(infos._final_obs as Uint8Array)]).toEqual([0, 1]);
  const final = infos.final_info as typeof infos;
  expect([...(final.life as BigInt64Array)]).toEqual([0n, 0n]);
  expect([...(final._life as Uint8Array)]).toEqual([0, 1]);
  expect([...(infos._final_info as Uint8Array)]).toEqual([0, 1]);
  expect([...(infos.life as BigInt64Array)]).toEqual([3n, 2n]);
});

test('an empty final info is an empty dict, as in Gymnasium', () => {
  const infos = vectorInfos([], new Map([[0, 7]]), [], 1);
  expect(infos).toMatchObject({ final_obs: [7], final_info: {} });
});

test('an environment’s own key that begins with _ is not covered by a mask', () => {
  const entries = [...trees('_x', text('own')).entries, ...trees('x', integer(1n)).entries];
  const infos = vectorInfos([{ infos: { entries }, envs: [0] }], new Map(), [], 1);
  expect(infos._x).toEqual(['own']);
});

test('a column whose bytes do not fit its shape is MALFORMED_REPLY', () => {
  const values = { dtype: Dtype.DTYPE_INT64, shape: [2n], data: new Uint8Array(8) };
  const column = { type: InfoType.INFO_TYPE_INT, values };
  const entries = [
    {
      key: text('x'),
      present: new Uint8Array(),
      values: { $case: 'column', value: column } as const,
    },
  ];
  expect(() => infoList([{ infos: { entries }, envs: [0, 1] }], 2)).toThrow(
    expect.objectContaining({ reason: 'MALFORMED_REPLY' }),
  );
});
