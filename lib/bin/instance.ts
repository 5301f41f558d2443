import { createHttp, isLoopback } from '../zitadel/http.js';
import { UsageError } from './command.js';
import type { Terminal } from './terminal.js';

/** The instance that is administrated, which the environment names. A token that it does not name is asked for. @throws UsageError */
export async function instanceFrom(terminal: Terminal, manager = 'an IAM_OWNER') {
  const { ZITADEL_URL: url = '', ZITADEL_PAT: given = '' } = terminal.env;
  if (!URL.canParse(url) || new URL(url).origin !== url || !isPrivate(new URL(url))) {
    throw new UsageError(
      'ZITADEL_URL must be set: https://acme.zitadel.cloud, without a slash at the end; http only on this host',
    );
  }
  const question = `A personal access token of ${manager} (ZITADEL_PAT is not set): `;
  const asked = given === '' && terminal.isInteractive ? await terminal.askSecret(question) : given;
  const token = asked.trim();
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    throw new UsageError(`ZITADEL_PAT must be set: a personal access token of ${manager}`);
  }
  const http = createHttp({
    issuer: url,
    internalUrl: undefined,
    fetch: globalThis.fetch,
    timeoutMs: 10_000,
    budgetMs: 20_000,
  });
  return { url, http, token };
}

/** Whether what is sent there cannot be read on the way. */
function isPrivate(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

/** Whether events may be delivered there. @throws UsageError */
export function checkEndpoint(option: string, text: string | undefined): void {
  if (text === undefined) return;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && isPrivate(url) && url.username === '' && url.password === '' && url.hash === '')
    return;
  throw new UsageError(
    `${option} must be a URL with https, or http on this host, without a user, a password and a fragment`,
  );
}
