/** Steps from one word to another: a letter more, less or changed. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

/** The names that a misspelt word may mean: those that differ in the fewest letters, at most three. None if the word is like no name. */
export function nearest(word: string, names: readonly string[]): readonly string[] {
  if (word.length > 50) return [];
  const far = names.map((name) => ({ name, steps: distance(word.toUpperCase(), name) }));
  const least = Math.min(3, ...far.map(({ steps }) => steps));
  return far.filter(({ steps }) => steps === least).map(({ name }) => name);
}
