import { type Blocks, malformed } from './blocks.js';
import { type Column, columnOf, type Places } from './columns.js';
import { asNdArray, decodeElements, dtypes, isTypedArray, sizeOf } from './nd-array.js';
import type { Graph, GraphInstance, OneOf, Sample, Sequence, Space } from './spaces/index.js';

/** Rows that differ in size, each a value of its own. */
abstract class ValuesColumn implements Column {
  private readonly values: Sample[];

  constructor(rows: number, make: () => Sample) {
    this.values = Array.from({ length: rows }, make);
  }

  /** The values of a payload, made anew. */
  protected abstract decode(blocks: Blocks, count: number): Sample[];

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const values = this.decode(blocks, count);
    for (let i = 0; i < count; i++)
      this.values[rows === undefined ? first + i : (rows[i] as number)] = values[i] as Sample;
  }

  batch(copy: boolean): Sample[] {
    return copy ? this.values.map(copyOf) : this.values;
  }

  row(i: number): Sample {
    return copyOf(this.values[i] as Sample);
  }

  slice(begin: number, end: number): Sample[] {
    return this.values.slice(begin, end).map(copyOf);
  }
}

function copyOf<T extends Sample | null>(value: T): T {
  return copyOfAny(value) as T;
}

function copyOfAny(value: Sample | null): Sample | null {
  if (typeof value !== 'object' || value === null) return value;
  if (isTypedArray(value)) return asNdArray(value.slice(), value.shape, value.dtype);
  if (Array.isArray(value)) return value.map(copyOf);
  const entries = Object.entries(value as Record<string, Sample | null>);
  return Object.fromEntries(entries.map(([key, item]) => [key, copyOf(item)])) as Sample;
}

/** A column with all values of a run, read from the payload. */
function readAll(space: Space, blocks: Blocks, count: number): Column {
  blocks.expect(count, leastBytes(space));
  return readRun(space, blocks, count);
}

function readRun(space: Space, blocks: Blocks, count: number): Column {
  const column = columnOf(space, count);
  column.read(blocks, { count, first: 0, rows: undefined });
  return column;
}

/** How many bytes a value has at least, paddings aside. */
function leastBytes(space: Space): number {
  switch (space.kind) {
    case 'Dict':
      return space.entries.reduce((sum, [, entry]) => sum + leastBytes(entry), 0);
    case 'Tuple':
      return space.spaces.reduce((sum, entry) => sum + leastBytes(entry), 0);
    case 'Text':
    case 'Sequence':
    case 'Graph':
    case 'OneOf':
      return 4;
    default:
      return sizeOf(space.shape) * dtypes[space.dtype].itemBytes;
  }
}

/** Calls `make` with the begin and end of each row. */
function byOffsets<T>(
  offsets: Uint32Array,
  make: (begin: number, end: number, i: number) => T,
): T[] {
  return Array.from({ length: offsets.length - 1 }, (_, i) =>
    make(offsets[i] as number, offsets[i + 1] as number, i),
  );
}

/** Values of a Sequence. */
export class SequenceColumn extends ValuesColumn {
  private readonly space: Sequence;

  constructor(rows: number, space: Sequence) {
    super(rows, () => (space.stack ? columnOf(space.featureSpace, 0).slice(0, 0) : []));
    this.space = space;
  }

  protected decode(blocks: Blocks, count: number): Sample[] {
    const { featureSpace, stack } = this.space;
    const offsets = blocks.offsets(count, 'Sequence');
    const elements = readAll(featureSpace, blocks, offsets[count] as number);
    return byOffsets(offsets, (begin, end) =>
      stack
        ? elements.slice(begin, end)
        : Array.from({ length: end - begin }, (_, i) => elements.row(begin + i)),
    );
  }
}

/** Values of a Graph. */
export class GraphColumn extends ValuesColumn {
  private readonly space: Graph;

  constructor(rows: number, space: Graph) {
    super(rows, () => {
      const nodes = columnOf(space.nodeSpace, 0).slice(0, 0);
      return { nodes, edges: null, edgeLinks: null };
    });
    this.space = space;
  }

  protected decode(blocks: Blocks, count: number): GraphInstance[] {
    const { nodeSpace, edgeSpace } = this.space;
    const nodeOffsets = blocks.offsets(count, 'Graph');
    const nodes = readAll(nodeSpace, blocks, nodeOffsets[count] as number);
    const hasEdges = blocks.take(count);
    const edgeOffsets = blocks.offsets(count, 'Graph');
    const edgeCount = edgeOffsets[count] as number;
    const edges = edgeSpace === null ? undefined : readAll(edgeSpace, blocks, edgeCount);
    const links = decodeElements(blocks.take(8 * edgeCount), 'int32') as Int32Array;
    return byOffsets(edgeOffsets, (begin, end, i) => {
      const [from, to] = [nodeOffsets[i] as number, nodeOffsets[i + 1] as number];
      const isWithout = hasEdges[i] === 0;
      if ((hasEdges[i] as number) > 1 || (isWithout && end > begin))
        throw malformed('whether a graph has edges is not 0 or 1, or it has some all the same');
      const edgeLinks = asNdArray(links.slice(2 * begin, 2 * end), [end - begin, 2], 'int32');
      if (edgeLinks.some((node) => node < 0 || node >= to - from))
        throw malformed('an edge of a graph links a node that is none of it');
      return {
        nodes: nodes.slice(from, to),
        edges: isWithout ? null : (edges?.slice(begin, end) ?? null),
        edgeLinks: isWithout ? null : edgeLinks,
      };
    });
  }
}

/** Values of a OneOf. */
export class OneOfColumn extends ValuesColumn {
  private readonly space: OneOf;

  constructor(rows: number, space: OneOf) {
    super(rows, () => [0, columnOf(space.spaces[0] as Space, 1).row(0)]);
    this.space = space;
  }

  protected decode(blocks: Blocks, count: number): Sample[] {
    const { spaces } = this.space;
    const variants = decodeElements(blocks.take(4 * count), 'uint32') as Uint32Array;
    const stranger = variants.find((variant) => variant >= spaces.length);
    if (stranger !== undefined)
      throw malformed(`a OneOf of ${spaces.length} spaces has no space ${stranger}`);
    const values = new Array<Sample>(count);
    for (const [variant, space] of spaces.entries()) {
      const rows = [...variants.keys()].filter((i) => variants[i] === variant);
      // As many rows as there are variants need no limit, also where their values have no bytes.
      const column =
        leastBytes(space) > 0
          ? readAll(space, blocks, rows.length)
          : readRun(space, blocks, rows.length);
      for (const [j, row] of rows.entries()) values[row] = [variant, column.row(j)];
    }
    return values;
  }
}
