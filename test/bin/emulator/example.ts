import { readFileSync } from 'node:fs';

const page = new URL('../../../docs/emulator-command.md', import.meta.url);

/** The first block of a language on the page about the command. */
export function exampleIn(language: string): string {
  const block = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm');
  return block.exec(readFileSync(page, 'utf8'))?.[1] ?? '';
}
