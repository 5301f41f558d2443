/** A change that no test notices, and why that is right. */
export interface Accepted {
  readonly file: string;
  /** The function, method or constant that it stands in. */
  readonly within: string;
  /** The line as it would be. */
  readonly mutated: string;
  readonly reason: string;
}

/** The changes of one function that survive for one reason. */
function alike(
  file: string,
  within: string,
  reason: string,
  ...changes: readonly string[]
): readonly Accepted[] {
  return changes.map((mutated) => ({ file, within, mutated, reason }));
}

const REQUEST = 'lib/core/request.ts';

export const ACCEPTED: readonly Accepted[] = [
  ...alike(
    REQUEST,
    'authorizationHeader',
    'the entry after the last one is undefined, which is no header',
    'for (let i = 0; i <= raw.length; i += 2) {',
    "if (name.length === 13 && name.toLowerCase() === 'authorization') seen += 1;",
  ),
  ...alike(
    REQUEST,
    'authorizationHeader',
    'the length only spares the comparison of other names',
    "if (true && name.toLowerCase() === 'authorization') seen += 1;",
  ),
  ...alike(
    REQUEST,
    'readIds',
    'the last entry that is copied is written again',
    'for (let same = 0; same <= slot; same += 1) reads[same] = before[same];',
  ),
  ...alike(
    REQUEST,
    'readIds',
    'ids that are plain only skip a second look, which finds nothing in them',
    'let arePlain = false;',
    'if (true) arePlain = false;',
    "if (typeof read !== 'string' || read !== undefined) arePlain = false;",
    'if (true && read !== undefined) arePlain = false;',
    "if (typeof read !== '' && read !== undefined) arePlain = false;",
    "if (typeof read !== 'string' && true) arePlain = false;",
    'if (false) return reads as Ids;',
  ),
];
