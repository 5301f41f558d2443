import { FLAG, parse, TEXT, UsageError } from '../command.js';
import { isEndpoint, NO_ENDPOINT } from '../instance.js';

/** What the arguments say. */
export interface Asked {
  readonly mode: 'setup' | 'check' | 'rotate' | 'remove';
  readonly endpoint: string | undefined;
  readonly name: string;
  readonly yes: boolean;
  readonly json: boolean;
}

/** @throws UsageError */
export function read(args: readonly string[]): Asked {
  const { values } = parse(args, OPTIONS);
  const modes = (['check', 'rotate', 'remove'] as const).filter((mode) => values[mode]);
  if (modes.length > 1) throw new UsageError(`--${modes.join(' and --')} do not go together`);
  const [mode = 'setup'] = modes;
  const { endpoint, name = 'nestjs-zitadel', yes = false, json = false } = values;
  if (mode === 'setup' && endpoint === undefined) {
    throw new UsageError('--endpoint is missing: https://app.example/zitadel/events');
  }
  if (endpoint !== undefined && (mode === 'rotate' || mode === 'remove')) {
    throw new UsageError(`--${mode} takes no --endpoint`);
  }
  if (endpoint !== undefined && !isEndpoint(endpoint)) {
    throw new UsageError(NO_ENDPOINT);
  }
  if (name === '' || name.length > 200) throw new UsageError('--name has 1 to 200 characters');
  return { mode, endpoint, name, yes, json };
}

const OPTIONS = {
  endpoint: TEXT,
  name: TEXT,
  check: FLAG,
  rotate: FLAG,
  remove: FLAG,
  yes: { ...FLAG, short: 'y' },
  json: FLAG,
} as const;
