/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the error id of a REST answer (`details[0].id`, google.rpc.Status). Texts follow Accept-Language, ids do not. */
export function errorIdOf(body: unknown): string | undefined {
  const details: unknown = isRecord(body) ? body['details'] : undefined;
  const first: unknown = Array.isArray(details) ? details[0] : undefined;
  const id: unknown = isRecord(first) ? first['id'] : undefined;
  return typeof id === 'string' && /^[A-Za-z0-9]+-[A-Za-z0-9]+$/.test(id) ? id : undefined;
}
