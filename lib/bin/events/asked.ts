import { Actions } from '../../zitadel/events/targets.js';
import { createHttp } from '../../zitadel/http.js';
import { parse, UsageError } from '../command.js';
import type { Terminal } from '../terminal.js';

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
    throw new UsageError(
      '--endpoint must be a URL with https, or http on this host, without a user, a password and a fragment',
    );
  }
  if (name === '' || name.length > 200) throw new UsageError('--name has 1 to 200 characters');
  return { mode, endpoint, name, yes, json };
}

const FLAG = { type: 'boolean' } as const;
const TEXT = { type: 'string' } as const;
const OPTIONS = {
  endpoint: TEXT,
  name: TEXT,
  check: FLAG,
  rotate: FLAG,
  remove: FLAG,
  yes: { ...FLAG, short: 'y' },
  json: FLAG,
} as const;

/** Whether what is sent there cannot be read on the way. */
function isPrivate({ protocol, hostname }: URL): boolean {
  const isHere =
    hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isHere);
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return isPrivate(url) && url.username === '' && url.password === '' && url.hash === '';
}

/** The instance that the environment names. @throws UsageError */
export function instanceFrom({ env }: Terminal): {
  readonly url: string;
  readonly actions: Actions;
} {
  const { ZITADEL_URL: url = '', ZITADEL_PAT: token = '' } = env;
  if (!URL.canParse(url) || new URL(url).origin !== url || !isPrivate(new URL(url))) {
    throw new UsageError(
      'ZITADEL_URL must be set: https://acme.zitadel.cloud, without a slash at the end; http only on this host',
    );
  }
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    throw new UsageError('ZITADEL_PAT must be set: a personal access token of an IAM_OWNER');
  }
  const http = createHttp({
    issuer: url,
    internalUrl: undefined,
    fetch: (address, init) => globalThis.fetch(address, init),
    timeoutMs: 10_000,
    budgetMs: 20_000,
  });
  return { url, actions: new Actions(http, token) };
}
