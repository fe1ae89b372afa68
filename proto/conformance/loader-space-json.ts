import type { Space } from './loader-messages.js';
import { elementType, type Row } from './loader-spaces.js';
import {
  arrayJson,
  dtypeName,
  hexOrDigest,
  itemBytes,
  type Json,
  type JsonObject,
  tensorJson,
} from './loader-values.js';

export function rowJson(row: Row): JsonObject {
  if ('array' in row) return arrayJson(row.dtype, row.shape, row.array);
  if ('text' in row) return { text: row.text };
  if ('dict' in row) return { dict: row.dict.map(([key, value]) => [key, rowJson(value)]) };
  if ('tuple' in row) return { tuple: row.tuple.map(rowJson) };
  if ('sequence' in row) return { sequence: row.sequence.map(rowJson) };
  if ('oneOf' in row) return { one_of: [row.oneOf[0], rowJson(row.oneOf[1])] };
  const { nodes, edges, edgeLinks } = row.graph;
  const links = edgeLinks && arrayJson('int32', [edgeLinks.length / 8, 2], edgeLinks);
  return {
    graph: { nodes: nodes.map(rowJson), edges: edges?.map(rowJson) ?? null, edge_links: links },
  };
}

/** One element where all are alike, otherwise all, or their digest. */
function boundJson(bound: Buffer, bytes: number): Json {
  const first = bound.subarray(0, bytes);
  for (let at = bytes; at < bound.length; at += bytes) {
    if (first.compare(bound, at, at + bytes) !== 0)
      return Object.values(hexOrDigest(bound))[0] as Json;
  }
  return first.toString('hex');
}

function unboundedJson({ box: { unbounded_below, unbounded_above } }: Space): JsonObject {
  const below =
    unbounded_below.length > 0 ? { unbounded_below: unbounded_below.toString('hex') } : {};
  const above =
    unbounded_above.length > 0 ? { unbounded_above: unbounded_above.toString('hex') } : {};
  return { ...below, ...above };
}

export function spaceJson(space: Space): JsonObject {
  const { kind } = space;
  if (kind === 'box') {
    const { dtype, shape } = elementType(space);
    const [low, high] = [space.box.low, space.box.high].map((b) => boundJson(b, itemBytes(dtype)));
    return { kind, dtype, shape, low: low as Json, high: high as Json, ...unboundedJson(space) };
  }
  if (kind === 'discrete') {
    const { n, start, dtype } = space.discrete;
    return { kind, n, start, dtype: dtypeName(dtype) };
  }
  if (kind === 'multi_discrete') {
    const { nvec, start, dtype } = space.multi_discrete;
    return { kind, nvec: tensorJson(nvec), start: tensorJson(start), dtype: dtypeName(dtype) };
  }
  return { kind, ...otherSpaceJson(space) };
}

function otherSpaceJson(space: Space): JsonObject {
  if (space.kind === 'multi_binary') {
    const { shape, from_scalar } = space.multi_binary;
    return { shape: shape.map(Number), from_scalar };
  }
  if (space.kind === 'text') return { ...space.text };
  if (space.kind === 'dict') {
    const entries = space.dict.entries.map((entry) => [entry.key, spaceJson(entry.space)]);
    return { entries, ...(space.dict.unsorted && { unsorted: true }) };
  }
  if (space.kind === 'tuple') return { spaces: space.tuple.spaces.map(spaceJson) };
  if (space.kind === 'one_of') return { spaces: space.one_of.spaces.map(spaceJson) };
  if (space.kind === 'sequence') {
    return { space: spaceJson(space.sequence.space), stacked: space.sequence.stacked };
  }
  const { node_space, edge_space } = space.graph;
  return { node_space: spaceJson(node_space), edge_space: edge_space && spaceJson(edge_space) };
}
