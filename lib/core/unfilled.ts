/** What is wrong with a value that nobody filled in: a variable that is not set, or a placeholder. Undefined if it looks filled in. */
export function unfilled(value: unknown): string | undefined {
  if (value === undefined) return 'is an environment variable not set?';
  if (value === '') return 'is an environment variable empty?';
  if (Array.isArray(value)) {
    return value.map(unfilled).find((problem) => problem !== undefined);
  }
  if (typeof value !== 'string') return undefined;
  if (/^(?:https?:\/\/)?<[^<>]+>/.test(value)) {
    return 'this is a placeholder of the documentation';
  }
  return /(?:^|[/.])undefined(?:$|[/.:])/.test(value)
    ? 'is an environment variable not set that it is made of?'
    : undefined;
}

/** What to ask about values that nobody filled in, for the end of a message. */
export function askedAbout(...values: readonly unknown[]): string {
  const why = unfilled(values);
  return why === undefined ? '' : `: ${why}`;
}
