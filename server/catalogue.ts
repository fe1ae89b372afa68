import type { EnvironmentSummary, WrapperSpec } from '../proto/gen/gymlink/v1/session.js';
import type { MapValue } from '../proto/gen/gymlink/v1/value.js';
import { ErrorReason, malformed, requestError } from './errors.js';
import { allowedKwargs, type Family } from './family.js';
import { byNearness, nearestNames } from './nearest-names.js';

/** One environment that can be asked for. */
export interface CatalogueEntry {
  readonly family: Family;
  /** The id by which its own family knows it. */
  readonly familyId: string;
  /** What clients see; its id is `family/Id` where an earlier family has the same id. */
  readonly summary: EnvironmentSummary;
}

/** The environments of all families. */
export class Catalogue {
  readonly #entries = new Map<string, CatalogueEntry>();

  /** Adds what a family's sidecar told of its environments. */
  add(family: Family, environments: readonly EnvironmentSummary[]): void {
    for (const environment of environments) {
      const id = this.#entries.has(environment.id)
        ? `${family.name}/${environment.id}`
        : environment.id;
      const summary = {
        ...environment,
        id,
        family: family.name,
        allowedKwargs: allowedKwargs(family, environment.id),
      };
      this.#entries.set(id, { family, familyId: environment.id, summary });
    }
  }

  /** Environments whose id contains `text`, without regard to case, sorted by id. */
  list(text: string): EnvironmentSummary[] {
    const wanted = text.toLowerCase();
    return [...this.#entries.values()]
      .map((entry) => entry.summary)
      .filter(({ id }) => id.toLowerCase().includes(wanted))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Whether it has `Id` or `family/Id`. */
  has(envId: string): boolean {
    return this.#lookUp(envId) !== undefined;
  }

  /**
   * Finds `Id` or `family/Id`. `unbuilt` names the families whose environments are not known. Raises RequestError
   * UNKNOWN_ENVIRONMENT or ENVIRONMENT_UNAVAILABLE.
   */
  find(envId: string, unbuilt: readonly string[] = []): CatalogueEntry {
    const entry = this.#lookUp(envId);
    if (entry === undefined) throw unknownEnvironment(envId, [...this.#entries.keys()], unbuilt);
    if (entry.summary.unavailable !== '')
      throw requestError(
        ErrorReason.ERROR_REASON_ENVIRONMENT_UNAVAILABLE,
        `${envId} cannot be made on this server: ${entry.summary.unavailable}.`,
        { envId },
      );
    return entry;
  }

  #lookUp(envId: string): CatalogueEntry | undefined {
    const entry = this.#entries.get(envId);
    if (entry !== undefined) return entry;
    const slash = envId.indexOf('/');
    const inFamily = this.#entries.get(envId.slice(slash + 1));
    return slash > 0 && inFamily?.family.name === envId.slice(0, slash) ? inFamily : undefined;
  }
}

function unknownEnvironment(
  envId: string,
  known: readonly string[],
  unbuilt: readonly string[],
): Error {
  const suggestions = nearestNames(envId, known);
  const nearest = suggestions.length === 0 ? '' : ` Did you mean ${suggestions.join(', ')}?`;
  const others = unbuilt.length === 0 ? '' : ` Not built yet: ${unbuilt.join(', ')}.`;
  const hint = nearest + others;
  const asked = envId.slice(0, 200);
  return requestError(
    ErrorReason.ERROR_REASON_UNKNOWN_ENVIRONMENT,
    `There is no environment ${asked} on this server.${hint} ListEnvironments has all ids.`,
    { envId: asked, suggestions },
  );
}

/** Checks the names of constructor arguments. Raises RequestError MALFORMED_REQUEST or NOT_ALLOWED. */
export function checkKwargs({ summary }: CatalogueEntry, kwargs: MapValue | undefined): void {
  for (const name of argumentNames(kwargs))
    if (!summary.allowedKwargs.includes(name))
      throw notAllowed('set the constructor argument', name, summary.id, summary.allowedKwargs);
}

/** Checks the names of wrappers and of their arguments. Raises RequestError MALFORMED_REQUEST or NOT_ALLOWED. */
export function checkWrappers(
  { family, summary }: CatalogueEntry,
  wrappers: readonly WrapperSpec[],
): void {
  for (const { name, kwargs } of wrappers) {
    argumentNames(kwargs);
    if (!Object.hasOwn(family.manifest.wrappers, name))
      throw notAllowed('use the wrapper', name, summary.id, Object.keys(family.manifest.wrappers));
  }
}

/** The names of constructor arguments. Raises RequestError MALFORMED_REQUEST. */
function argumentNames(kwargs: MapValue | undefined): Set<string> {
  const seen = new Set<string>();
  for (const { key, value } of kwargs?.entries ?? []) {
    if (key?.kind?.$case !== 'text' || value?.kind === undefined)
      throw malformed('kwargs must map texts to values.');
    const name = key.kind.value;
    if (seen.has(name)) throw malformed(`The constructor argument ${name} is given twice.`);
    seen.add(name);
  }
  return seen;
}

function notAllowed(verb: string, name: string, envId: string, allowed: readonly string[]): Error {
  const suggestions = byNearness(name, allowed);
  const hint = suggestions.length === 0 ? 'It takes none' : `Allowed: ${suggestions.join(', ')}`;
  return requestError(
    ErrorReason.ERROR_REASON_NOT_ALLOWED,
    `A client may not ${verb} ${name.slice(0, 200)} of ${envId}. ${hint}.`,
    { envId, suggestions },
  );
}
