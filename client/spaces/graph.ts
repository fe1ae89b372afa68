import { asNdArray, isNdArray, type NdArray } from '../nd-array.js';
import { batchSpace, iterate } from './batch.js';
import type { Sample, Space } from './index.js';
import type { SpaceJSON } from './json.js';
import { given, type Mask, partsOf, sampleWithin } from './masks.js';
import { Seeded, type SpaceSeed, type SpaceSeeds } from './seeded.js';

/** A value of a Graph (Gymnasium's GraphInstance). */
export interface GraphInstance {
  /** A batch of the nodes' space: for a Box of shape [k] an array of shape [nodes, k]. */
  readonly nodes: Sample;
  /** A batch of the edges' space; null without edges. */
  readonly edges: Sample | null;
  /** int32 of shape [edges, 2]: source and target of each edge as numbers of nodes; null without edges. */
  readonly edgeLinks: NdArray | null;
}

/** Nodes, edges and edge links (Gymnasium's Graph). */
export class Graph extends Seeded {
  readonly kind = 'Graph';
  /** Space of a node. */
  readonly nodeSpace: Space;
  /** Space of an edge; null where graphs have no edges. */
  readonly edgeSpace: Space | null;

  constructor(nodeSpace: Space, edgeSpace: Space | null = null) {
    super();
    this.nodeSpace = nodeSpace;
    this.edgeSpace = edgeSpace;
  }

  /**
   * Seeds links, nodes and, where there is a space of them, edges, as Gymnasium does.
   *
   * @param seed A seed for each, or an integer from 0, which is that of the links and from which the others are drawn; null, the
   *   default: each has one of its own.
   * @returns The two or three seeds that were used.
   * @throws TypeError if the form is another.
   */
  override seed(seed: SpaceSeed = null): SpaceSeeds[] {
    const { nodeSpace, edgeSpace } = this;
    return this.seedWith(seed, edgeSpace === null ? [nodeSpace] : [nodeSpace, edgeSpace]);
  }

  /**
   * A random graph, equal to Gymnasium's for the same seed.
   *
   * @param mask Mask of the batch of nodes and mask of an edge (of the batch of edges where `numEdges` is given).
   * @param probability Instead of a mask, likewise with probabilities.
   * @param numNodes Number of nodes, from 1.
   * @param numEdges Number of edges; default a random one below `numNodes · (numNodes - 1)`.
   * @throws RangeError if a number is out of range.
   */
  sample(mask?: Mask, probability?: Mask, numNodes = 10, numEdges?: number): GraphInstance {
    if (!(numNodes > 0)) throw new RangeError(`A graph is drawn with nodes, not with ${numNodes}.`);
    if (numEdges !== undefined && !(numEdges >= 0))
      throw new RangeError(`A graph cannot have ${numEdges} edges.`);
    const by = given(mask, probability);
    const [nodeMask = null, edgeMask = null] = by ? partsOf(by, 2) : [];
    const most = numNodes * (numNodes - 1);
    const count = numEdges ?? (most > 0 ? this.generator.integer(most) : 0);
    const draw = (space: Space, n: number, part: Mask) => {
      const batch = batchSpace(space, n);
      const values = by ? sampleWithin(batch, part, by) : batch.sample();
      // The batch drew from a copy: Gymnasium moves the original on by one draw.
      if ('generator' in space) space.generator.random();
      return values;
    };
    const nodes = draw(this.nodeSpace, numNodes, nodeMask);
    if (count === 0 || this.edgeSpace === null) return { nodes, edges: null, edgeLinks: null };
    const isEach = numEdges === undefined && edgeMask !== null;
    const edgeMasks = isEach ? Array.from({ length: count }, () => edgeMask) : edgeMask;
    const edges = draw(this.edgeSpace, count, edgeMasks);
    const links = this.generator.integers(numNodes, count * 2, 32);
    return { nodes, edges, edgeLinks: asNdArray(links, [count, 2], 'int32') };
  }

  /** Whether a value has nodes of this space and, if it has any, as many edges as links, between its nodes. */
  contains(value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !('nodes' in value)) return false;
    const { nodes, edges, edgeLinks } = value as Partial<GraphInstance>;
    const nodeRows = iterate(this.nodeSpace, nodes);
    if (!nodeRows?.every((node) => this.nodeSpace.contains(node))) return false;
    if (edges === null || edgeLinks === null) return edges === edgeLinks;
    const { edgeSpace } = this;
    const edgeRows = edgeSpace === null ? undefined : iterate(edgeSpace, edges);
    return (
      (edgeRows?.every((edge) => edgeSpace?.contains(edge)) ?? false) &&
      areLinks(edgeLinks, edgeRows?.length ?? 0, nodeRows.length)
    );
  }

  /** Whether another space has equal nodes and edges. */
  equals(other: unknown): boolean {
    if (!(other instanceof Graph) || !this.nodeSpace.equals(other.nodeSpace)) return false;
    return this.edgeSpace === null
      ? other.edgeSpace === null
      : this.edgeSpace.equals(other.edgeSpace);
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    const { kind, nodeSpace, edgeSpace } = this;
    return { kind, nodeSpace: nodeSpace.toJSON(), edgeSpace: edgeSpace?.toJSON() ?? null };
  }

  override toString(): string {
    return `Graph(${this.nodeSpace}, ${this.edgeSpace ?? 'None'})`;
  }
}

function areLinks(links: unknown, edges: number, nodes: number): boolean {
  if (!isNdArray(links) || links.dtype.startsWith('float') || links.dtype === 'bool') return false;
  if (links.shape.join() !== `${edges},2`) return false;
  return Array.from(links as ArrayLike<number | bigint>).every((node) => node >= 0 && node < nodes);
}
