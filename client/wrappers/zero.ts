import { asNdArray, dtypes, sizeOf } from '../nd-array.js';
import { batchSpace, type Sample, type Space } from '../spaces/index.js';

/** The value of a space that is nearest to zero; Gymnasium's `create_zero_array`. */
export function zeroOf(space: Space): Sample {
  switch (space.kind) {
    case 'Dict':
      return Object.fromEntries(space.entries.map(([key, entry]) => [key, zeroOf(entry)]));
    case 'Tuple':
      return space.spaces.map(zeroOf);
    case 'Text':
      return ([...space.characters].sort()[0] ?? '').repeat(space.minLength);
    case 'Discrete':
      return space.start;
    case 'MultiDiscrete':
      return asNdArray(space.start.slice(), space.shape, space.dtype);
    case 'MultiBinary':
      return asNdArray(new Int32Array(sizeOf(space.shape)), space.shape, space.dtype);
    case 'Sequence':
      return space.stack ? zeroOf(batchSpace(space.featureSpace, 1)) : [];
    case 'OneOf':
      return [0, zeroOf(space.spaces[0] as Space)];
    case 'Graph': {
      const nodes = zeroOf(batchSpace(space.nodeSpace, 1));
      if (space.edgeSpace === null) return { nodes, edges: null, edgeLinks: null };
      const edgeLinks = asNdArray(new Int32Array(2), [1, 2], 'int32');
      return { nodes, edges: zeroOf(batchSpace(space.edgeSpace, 1)), edgeLinks };
    }
    case 'Box': {
      const zero = new dtypes[space.dtype].Array(sizeOf(space.shape));
      for (let i = 0; i < zero.length; i++) {
        const [low, high] = [space.low[i] as number, space.high[i] as number];
        if (low > 0) zero[i] = low;
        else if (high < 0) zero[i] = high;
      }
      return asNdArray(zero, space.shape, space.dtype);
    }
  }
}
