/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a member is an id. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Whether each of the named members is an id, or left out. */
export function haveIds(
  from: Readonly<Record<string, unknown>>,
  names: readonly string[],
): boolean {
  return names.every((name) => from[name] === undefined || isId(from[name]));
}

/** Reads a list of texts; undefined when it is none. ZITADEL leaves out empty lists. */
export function listOfTexts(value: unknown = []): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
    ? value
    : undefined;
}

/** Reads a number of things as protojson writes it, a text or a number; undefined when it is none. ZITADEL leaves out zeros. */
export function countFrom(value: unknown = 0): number | undefined {
  const isDecimal = typeof value === 'string' ? /^[0-9]{1,16}$/.test(value) : true;
  const count = typeof value === 'string' ? Number(value) : value;
  return isDecimal && Number.isSafeInteger(count) && (count as number) >= 0
    ? (count as number)
    : undefined;
}

/** A text, '' for what is none: for what is shown only. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Those of the named members that are texts and not empty. */
export function textsOf<K extends string>(
  from: unknown,
  names: readonly K[],
): Partial<Record<K, string>> {
  const texts: Partial<Record<K, string>> = {};
  for (const name of names) {
    const value = isRecord(from) ? from[name] : undefined;
    if (isId(value)) texts[name] = value;
  }
  return texts;
}
