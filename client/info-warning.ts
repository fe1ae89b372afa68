import type { Infos } from '../proto/gen/gymlink/v1/session.js';
import type { Value } from '../proto/gen/gymlink/v1/value.js';

/** One warning a session about infos that could not travel. */
export class InfoWarning {
  private readonly envId: string;
  private given = false;

  constructor(envId: string) {
    this.envId = envId;
  }

  /** Warns if values of some infos could not travel, unless it has. */
  lookAt(infos: Infos): void {
    if (this.given) return;
    const types = new Set<string>();
    // Columns hold numbers alone.
    for (const { values } of infos.entries)
      if (values?.$case === 'trees')
        for (const value of values.value.values) addUnsupported(value, types);
    if (types.size === 0) return;
    this.given = true;
    process.emitWarning(
      `Infos of ${this.envId} hold values of type ${[...types].sort().join(', ')}, which cannot travel. ` +
        'A text with the name of the type stands in each one’s place.',
      'GymlinkWarning',
    );
  }
}

/** Adds the Python classes of what could not travel in a value. */
function addUnsupported({ kind }: Value, types: Set<string>): void {
  if (kind?.$case === 'unsupported') types.add(kind.value.pythonType);
  if (kind?.$case === 'list' || kind?.$case === 'tuple')
    for (const value of kind.value.values) addUnsupported(value, types);
  if (kind?.$case === 'map')
    for (const { value } of kind.value.entries) if (value) addUnsupported(value, types);
}
