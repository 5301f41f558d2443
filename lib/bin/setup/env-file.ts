import { parseEnv } from 'node:util';

/** Variables of a `.env` file. */
export type Variables = Readonly<Record<string, string>>;

/** The value that a file gives a variable, as Node reads it. The last line counts. */
export function valueIn(text: string, name: string): string | undefined {
  return parseEnv(text)[name];
}

/** The text with these variables. All other lines stay as they are. */
export function merged(text: string, variables: Variables): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  for (const [name, value] of Object.entries(variables)) {
    const line = `${name}=${quoted(value)}`;
    const at = lines.findLastIndex((each) => nameOf(each) === name);
    if (at === -1) lines.push(line);
    else if (valueIn(lines[at] ?? '', name) !== value) {
      lines[at] = (lines[at] ?? '').startsWith('export ') ? `export ${line}` : line;
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The text without some of its lines. */
export function without(text: string, isMeant: (name: string, value: string) => boolean): string {
  return text
    .split('\n')
    .filter((line) => {
      const name = nameOf(line);
      return name === undefined || !isMeant(name, valueIn(line, name) ?? '');
    })
    .join('\n');
}

function nameOf(line: string): string | undefined {
  return /^\s*(?:export\s+)?(\w+)\s*=/.exec(line)?.[1];
}

/** Node takes what stands between quotes as it is. */
function quoted(value: string): string {
  if (/^[\w./:,@+-]*$/.test(value)) return value;
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
