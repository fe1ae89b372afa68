import { type Infos, TransitionDetails } from '../proto/gen/gymlink/v1/session.js';
import type { InfoWarning } from './info-warning.js';
import { fromMagnitude } from './values.js';

/** Infos of some rows, and which sub-environments those are. */
export interface RowInfos {
  readonly infos: Infos;
  readonly envs: readonly number[];
}

/** The details of one part of a transition as they came. */
export interface EncodedDetails {
  readonly bytes: Uint8Array;
  /** The sub-environments of the part's rows. */
  readonly envs: readonly number[];
  /** Those of its rows that have a final observation. */
  readonly ended: readonly number[];
}

/** Infos and seeds of one transition, which are decoded when somebody looks at them: many agents never do. */
export class Details {
  private readonly encoded: readonly EncodedDetails[];
  private readonly warning: InfoWarning | undefined;
  private found: ReturnType<Details['decode']> | undefined;

  constructor(encoded: readonly EncodedDetails[] = [], warning?: InfoWarning) {
    this.encoded = encoded;
    this.warning = warning;
  }

  /** Infos of the parts. */
  get infos(): readonly RowInfos[] {
    return this.decoded.infos;
  }

  /** Infos of the last steps of episodes that ended in this transition (SameStep). */
  get finalInfos(): readonly RowInfos[] {
    return this.decoded.finalInfos;
  }

  /** Seeds that resets of this transition used, by sub-environment. */
  get seeds(): ReadonlyMap<number, bigint> {
    return this.decoded.seeds;
  }

  private get decoded() {
    this.found ??= this.decode();
    return this.found;
  }

  private decode() {
    const infos: RowInfos[] = [];
    const finalInfos: RowInfos[] = [];
    const seeds = new Map<number, bigint>();
    for (const { bytes, envs, ended } of this.encoded) {
      const found = TransitionDetails.decode(bytes);
      if (found.infos) infos.push({ infos: found.infos, envs });
      if (found.finalInfos) finalInfos.push({ infos: found.finalInfos, envs: ended });
      for (const { row, seed } of found.seeds)
        seeds.set(envs[row] as number, fromMagnitude(seed?.magnitude ?? new Uint8Array()));
    }
    for (const { infos: told } of [...infos, ...finalInfos]) this.warning?.lookAt(told);
    return { infos, finalInfos, seeds };
  }
}
