// What requests hold where an id is expected, around an id that is right.
/** The project whose id is written in hostile ways. */
interface Named {
  readonly portal: string;
}

/** A text that is no id: `raw` goes wherever a text fits. */
export interface HostileText {
  readonly what: string;
  readonly raw: string;
}

/** Texts that no source may take for the id of `portal`. */
export function hostileTexts({ portal: id }: Named): readonly HostileText[] {
  const texts: Record<string, string> = {
    'nothing at all': '',
    'the word undefined': 'undefined',
    'the word null': 'null',
    'the word NaN': 'NaN',
    'a star': '*',
    'the name __proto__': '__proto__',
    'the name constructor': 'constructor',
    'the name prototype': 'prototype',
    'the name hasOwnProperty': 'hasOwnProperty',
    'the name toString': 'toString',
    'a space before': ` ${id}`,
    'a space behind': `${id} `,
    'a tab behind': `${id}\t`,
    'a line break behind': `${id}\n`,
    'a carriage return and a line break behind': `${id}\r\n`,
    'a line break before': `\n${id}`,
    'a NUL before': `\u0000${id}`,
    'a NUL behind': `${id}\u0000`,
    'full-width digits': fromDigits(id, 0xff10),
    'Arabic digits': fromDigits(id, 0x0660),
    'mathematical digits': fromDigits(id, 0x1d7ce),
    'a zero-width space': `${id}\u200b`,
    'a right-to-left mark': `\u200f${id}`,
    'a byte order mark': `\ufeff${id}`,
    'a combining accent': `${id}\u0301`,
    'a letter behind': `${id}a`,
    'a plus sign': `+${id}`,
    'a minus sign': `-${id}`,
    'a fraction': `${id}.0`,
    'an exponent': `${id}e0`,
    'a hexadecimal number': `0x${BigInt(id).toString(16)}`,
    'a big integer': `${id}n`,
    'an underscore between digits': `${id.slice(0, 3)}_${id.slice(3)}`,
    'quotes around': `"${id}"`,
    'a slash and more': `${id}/grants`,
    'a way up': `../${id}`,
    'a way up that is encoded': `..%2f${id}`,
    'a way up and down again': `${id}/../${id}`,
    'an encoded slash': `${id}%2F2`,
    'an encoded digit': `%3${id}`,
    'a dot': '.',
    'two dots': '..',
    'a backslash': `${id}\\..`,
    'a parameter of a path': `${id};a=b`,
    'a query': `${id}?x=1`,
    'a fragment': `${id}#x`,
    'an ampersand': `${id}&admin=1`,
    'two ids with a comma': `${id},${id}`,
    'two ids with comma and space': `${id}, ${id}`,
    'two ids with a pipe': `${id}|${id}`,
    'an address': `https://evil.example/${id}`,
    'a host': '@evil.example',
    'a JSON object': `{"id":"${id}"}`,
    'a JSON list': `["${id}"]`,
    'a database expression': `${id}' OR '1'='1`,
    'a template': `\${${id}}`,
    'a header that would be added': `${id}\r\nx-zitadel-orgid: 1`,
    '201 digits': '1'.repeat(201),
    '201 characters that begin as the id does': id.padEnd(201, '0'),
  };
  return Object.entries(texts).map(([what, raw]) => ({ what, raw }));
}

/** What is put before an id, behind it and into it. */
const STRAYS: Readonly<Record<string, string>> = {
  'a space': ' ',
  'a no-break space': '\u00a0',
  'a thin space': '\u2009',
  'an ideographic space': '\u3000',
  'a tab': '\t',
  'a vertical tab': '\v',
  'a form feed': '\f',
  'a carriage return': '\r',
  'a line separator': '\u2028',
  'a next line': '\u0085',
  'a bell': '\u0007',
  'a delete': '\u007f',
  'a soft hyphen': '\u00ad',
  'a zero-width joiner': '\u200d',
  'a word joiner': '\u2060',
  'a left-to-right mark': '\u200e',
  'an embedding': '\u202a',
  'a variation selector': '\ufe0f',
  'a superscript digit': '\u00b2',
  'a Devanagari digit': '\u0967',
  'a Roman numeral': '\u2160',
  'an emoji': '\u{1f600}',
  'a star': '*',
  'a percent sign': '%',
  'an encoded NUL': '%00',
  'an encoded line break': '%0a',
  'a doubly encoded slash': '%252f',
  'a slash': '/',
  'a colon': ':',
  'a quote': "'",
  'a dollar sign': '$',
  'a dot': '.',
  'a letter': 'x',
};

/** The id with something before it, behind it and in its midst. */
export function strayTexts({ portal: id }: Named): readonly HostileText[] {
  return Object.entries(STRAYS).flatMap(([what, stray]) => [
    { what: `${what} before`, raw: `${stray}${id}` },
    { what: `${what} behind`, raw: `${id}${stray}` },
    { what: `${what} within`, raw: `${id.slice(0, 4)}${stray}${id.slice(4)}` },
  ]);
}

/** Values that only a parsed body, or a function of the application, can hold. */
export function hostileValues({ portal: id }: Named): Readonly<Record<string, unknown>> {
  return {
    true: true,
    'a number': 1,
    'the id as a number': Number(id),
    'a number beyond what is exact': 2 ** 53 + 2,
    'a list with the id': [id],
    'an empty list': [],
    'a list of two ids': [id, id],
    'a list in a list': [[id]],
    'an object with the id': { id },
    'an empty object': {},
    'an object that looks like a text': { length: id.length, 0: id },
    'an operator of a database': { $ne: '' },
    'an object with the id under toString': { toString: id },
  };
}

/** Values that only a function of the application can answer. */
export function hostileAnswers({ portal: id }: Named): Readonly<Record<string, () => unknown>> {
  return {
    'an object that turns into the id': () => ({ toString: () => id, valueOf: () => id }),
    'an object of class String': () => Object(id) as unknown,
    'a big integer': () => BigInt(id),
    'a symbol': () => Symbol(id),
    'a function': () => () => id,
    'a list that was inherited': () => Object.create([id]) as unknown,
    'a proxy': () => new Proxy({}, { get: () => id, has: () => true }),
    'the promise of a list': () => Promise.resolve([id]),
    'the promise of a longer text': () => Promise.resolve(`${id}/`),
  };
}

function fromDigits(id: string, zero: number): string {
  return [...id].map((digit) => String.fromCodePoint(zero + Number(digit))).join('');
}
