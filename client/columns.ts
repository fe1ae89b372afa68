import {
  BoolColumn,
  DiscreteColumn,
  Float16Column,
  IntegerColumn,
  PlainColumn,
  WideDiscreteColumn,
} from './array-columns.js';
import type { Blocks } from './blocks.js';
import { GraphColumn, OneOfColumn, SequenceColumn } from './composite-columns.js';
import type { Sample, Space } from './spaces/index.js';
import { TextColumn } from './text-column.js';

/** Where the rows of a payload belong in a batch: all in a run from `first`, or each at its place in `rows`. */
export interface Places {
  readonly count: number;
  readonly first: number;
  /** Undefined when the rows are a run. */
  readonly rows: ArrayLike<number> | undefined;
}

/** The values of a space for the rows of a batch, kept from step to step. */
export interface Column {
  /** Reads `layout(space, places.count)` into its places. */
  read(blocks: Blocks, places: Places): void;
  /** All rows: views of the column's own memory, or copies. */
  batch(copy: boolean): Sample;
  /** One row, as a copy. */
  row(i: number): Sample;
  /** Rows from `begin` to before `end` as a batch of their own, as a copy. */
  slice(begin: number, end: number): Sample;
}

/** Memory for a batch of a space, zero as long as nothing was read. */
export function columnOf(space: Space, rows: number): Column {
  switch (space.kind) {
    case 'Box': {
      if (space.dtype === 'bool') return new BoolColumn(rows, space.shape, space.dtype);
      const Leaf = space.dtype === 'float16' ? Float16Column : PlainColumn;
      return new Leaf(rows, space.shape, space.dtype);
    }
    case 'Discrete': {
      const Leaf = space.Held === Int32Array ? DiscreteColumn : WideDiscreteColumn;
      return new Leaf(rows, [], space.dtype);
    }
    case 'MultiDiscrete': {
      const Leaf = space.Held === Int32Array ? IntegerColumn : PlainColumn;
      return new Leaf(rows, space.shape, space.dtype);
    }
    case 'MultiBinary':
      return new IntegerColumn(rows, space.shape, space.dtype);
    case 'Text':
      return new TextColumn(rows);
    case 'Dict':
      return new DictColumn(space.entries.map(([key, entry]) => [key, columnOf(entry, rows)]));
    case 'Tuple':
      return new TupleColumn(space.spaces.map((entry) => columnOf(entry, rows)));
    case 'Sequence':
      return new SequenceColumn(rows, space);
    case 'Graph':
      return new GraphColumn(rows, space);
    case 'OneOf':
      return new OneOfColumn(rows, space);
  }
}

class DictColumn implements Column {
  private readonly entries: readonly [string, Column][];

  constructor(entries: readonly [string, Column][]) {
    this.entries = entries;
  }

  read(blocks: Blocks, places: Places): void {
    for (const [, column] of this.entries) column.read(blocks, places);
  }

  batch(copy: boolean): Record<string, Sample> {
    return Object.fromEntries(this.entries.map(([key, column]) => [key, column.batch(copy)]));
  }

  row(i: number): Record<string, Sample> {
    return Object.fromEntries(this.entries.map(([key, column]) => [key, column.row(i)]));
  }

  slice(begin: number, end: number): Record<string, Sample> {
    return Object.fromEntries(this.entries.map(([key, column]) => [key, column.slice(begin, end)]));
  }
}

class TupleColumn implements Column {
  private readonly columns: readonly Column[];

  constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  read(blocks: Blocks, places: Places): void {
    for (const column of this.columns) column.read(blocks, places);
  }

  batch(copy: boolean): Sample[] {
    return this.columns.map((column) => column.batch(copy));
  }

  row(i: number): Sample[] {
    return this.columns.map((column) => column.row(i));
  }

  slice(begin: number, end: number): Sample[] {
    return this.columns.map((column) => column.slice(begin, end));
  }
}
