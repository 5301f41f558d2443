import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { styleText } from 'node:util';

/** What a command has of the world around it. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For what the command is asked for. */
  out(text: string): void;
  /** For everything beside that. */
  tell(text: string): void;
  /** Whether somebody can be asked. */
  readonly isInteractive: boolean;
  readonly hasColours: boolean;
  ask(question: string): Promise<string>;
  /** Like `ask`, without showing what is typed. */
  askSecret(question: string): Promise<string>;
  /** All of the standard input. */
  input(): Promise<string>;
  /** Somebody wants it to end. */
  readonly stop: AbortSignal;
}

type Colour = Extract<Parameters<typeof styleText>[0], string>;

export function coloured(terminal: Terminal, colour: Colour, text: string): string {
  return terminal.hasColours ? styleText(colour, text) : text;
}

/** The terminal of this process. The first Ctrl-C stops in good order, the second at once. */
export function openTerminal(): Terminal {
  const { env, stdin, stdout, stderr } = process;
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  // Whoever reads may be gone (`| head -1`). A change that is under way goes on.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  const ask = async (question: string, output: NodeJS.WritableStream): Promise<string> => {
    const lines = createInterface({ input: stdin, output, terminal: stdin.isTTY });
    lines.once('SIGINT', () => stop.abort());
    try {
      return await lines.question(question, { signal: stop.signal });
    } catch (error) {
      if (stop.signal.aborted) return '';
      throw error;
    } finally {
      lines.close();
    }
  };
  return {
    env,
    out: (text) => void stdout.write(`${text}\n`),
    tell: (text) => void stderr.write(`${text}\n`),
    isInteractive: stdin.isTTY && stderr.isTTY,
    hasColours: stdout.isTTY && stderr.isTTY && (env['NO_COLOR'] ?? '') === '',
    ask: (question) => ask(question, stderr),
    askSecret: async (question) => {
      stderr.write(question);
      const reply = await ask('', new Writable({ write: (_chunk, _encoding, done) => done() }));
      stderr.write('\n');
      return reply;
    },
    input: () => text(stdin),
    stop: stop.signal,
  };
}
