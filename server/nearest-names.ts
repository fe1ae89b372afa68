/** Beyond this, what a client wrote is no name: comparing it would only cost time. */
const maxLength = 200;

/** Levenshtein distance: the least number of inserted, deleted and replaced characters between two texts. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** `names` from the nearest to the farthest of `name`, without regard to case. */
export function byNearness(name: string, names: readonly string[]): string[] {
  const wanted = name.slice(0, maxLength).toLowerCase();
  return names
    .map((candidate) => ({ candidate, distance: editDistance(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
    .map(({ candidate }) => candidate);
}

/** The names, at most three, that someone who wrote `name` may have meant: a third of it mistyped, or a part of them. */
export function nearestNames(name: string, names: readonly string[]): string[] {
  const wanted = name.slice(0, maxLength).toLowerCase();
  const close = names.filter((candidate) => {
    const lower = candidate.toLowerCase();
    if (wanted.length >= 3 && lower.includes(wanted)) return true;
    return editDistance(wanted, lower) <= Math.max(2, wanted.length / 3);
  });
  return byNearness(wanted, close).slice(0, 3);
}
