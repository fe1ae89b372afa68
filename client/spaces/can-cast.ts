import type { DtypeName } from '../nd-array.js';

/** The next wider dtypes, from which all others that hold the same numbers can be reached. */
const wider: Readonly<Record<DtypeName, readonly DtypeName[]>> = {
  bool: ['int8', 'uint8'],
  int8: ['int16', 'float16'],
  int16: ['int32', 'float32'],
  int32: ['int64'],
  int64: ['float64'],
  uint8: ['uint16', 'int16', 'float16'],
  uint16: ['uint32', 'int32', 'float32'],
  uint32: ['uint64', 'int64'],
  uint64: ['float64'],
  float16: ['float32'],
  float32: ['float64'],
  float64: [],
};

/** `numpy.can_cast(from, to)`, with the rule `safe`. */
export function canCast(from: DtypeName, to: DtypeName): boolean {
  return from === to || wider[from].some((next) => canCast(next, to));
}

/**
 * `numpy.result_type`: the narrowest dtype to which all cast.
 *
 * @throws RangeError if there are none.
 */
export function resultType(dtypes: readonly DtypeName[]): DtypeName {
  if (dtypes.length === 0) throw new RangeError('A space without entries has no flat values.');
  const names = Object.keys(wider) as DtypeName[];
  const common = names.filter((name) => dtypes.every((dtype) => canCast(dtype, name)));
  const integers = common.filter((name) => !name.startsWith('float'));
  const candidates = integers.length > 0 ? integers : common;
  const isNarrowest = (name: DtypeName) => candidates.every((other) => canCast(name, other));
  return candidates.find(isNarrowest) ?? 'float64';
}
