import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  basic,
  clientCredentials,
  createZitadel,
  introspection,
  key,
  keyFile,
  pat,
  type ZitadelOptions,
} from 'nestjs-zitadel/express';
import { pemOf, type SecretWorld } from './secret-scenes.js';
import type { SecretWatch } from './secret-watch.js';

/** Hands to the watch what is said to those who put a secret where it does not belong, or a broken one where it does. */
export function makeMistakes(watch: SecretWatch, world: SecretWorld): number {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  let made = 0;
  try {
    for (const mistake of mistakes(world, folder)) {
      made += 1;
      try {
        mistake();
      } catch (error) {
        watch.noteValue(`a mistake: ${String(Object(error).option ?? Object(error).name)}`, error);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return made;
}

function mistakes(
  { zitadel, service, application, tokens }: SecretWorld,
  folder: string,
): readonly (() => unknown)[] {
  const pem = pemOf(service.key);
  const secrets = [
    service.client.clientSecret,
    application.client.clientSecret,
    service.pat,
    tokens.jwt,
    service.key,
    application.key,
    pem,
  ];
  const path = join(folder, 'key.json');
  const read = (content: string) => {
    writeFileSync(path, content, { mode: 0o600 });
    return keyFile(path);
  };
  const file = JSON.parse(service.key) as Readonly<Record<string, unknown>>;
  const files: readonly object[] = [
    { ...file, key: pem.slice(0, -200) },
    { ...file, key: pem.replaceAll('\n', '') },
    { ...file, key: [pem] },
    { ...file, expirationDate: '2001-01-01T00:00:00Z' },
    { ...file, type: pem },
    { ...file, keyId: undefined },
    { ...file, userId: undefined },
    { type: 'application', key: pem },
    [pem],
  ];
  const given = (more: Readonly<Record<string, unknown>>) => () =>
    createZitadel({ ...zitadel.options(), ...more } as unknown as ZitadelOptions);
  const misplaced = secrets.flatMap((secret) => [
    given({ events: secret }),
    given({ events: { signingKeys: ` ${secret}` } }),
    given({ events: { signingKeys: [secret, ''] } }),
    given({ events: { signingKey: secret } }),
    given({ events: { path: secret } }),
    () => pat(` ${secret}`),
    () => pat(`${secret}\n`),
    () => key(secret.slice(0, -10)),
    () => key(`${secret} ${secret}`),
    () => read(secret.slice(1)),
    () => keyFile(secret.slice(0, 200)),
    () => clientCredentials('', secret),
    () => clientCredentials(secret, ''),
    () => basic('', secret),
    () => introspection(secret as never),
    () => introspection(basic('client', secret), { secret } as never),
    ...[
      'issuer',
      'internalUrl',
      'audience',
      'callers',
      'memberships',
      'api',
      'projectId',
      'serviceUser',
      'cache',
      'hierarchy',
      'idPattern',
      'fetch',
      'logger',
      'allowHttp',
      'timeoutMs',
      'token',
    ].flatMap((option) => [
      given({ [option]: secret }),
      given({ [option]: [secret, secret] }),
      given({ [option]: { secret, type: secret, [secret.slice(0, 3)]: secret } }),
    ]),
    given({ cache: { shared: secret } }),
    given({ cache: { shared: { secret: secret.slice(0, 30) } } }),
    given({ cache: { shared: { secret, more: secret } } }),
    given({ cache: { shared: { secret } } }),
    given({ issuer: `https://user:${secret.slice(0, 60)}@zitadel.example` }),
    given({ internalUrl: `https://user:${secret.slice(0, 60)}@zitadel.example` }),
    given({ issuer: `https://zitadel.example/?token=${secret}` }),
  ]);
  return [
    ...files.flatMap((content) => [() => key(content), () => read(JSON.stringify(content))]),
    ...misplaced,
    // Credentials of one kind where another is needed.
    given({ serviceUser: basic('client', service.client.clientSecret) }),
    given({ serviceUser: key(application.key) }),
    given({ callers: introspection(key(service.key) as never) }),
    given({ callers: introspection(pat(service.pat) as never) }),
  ];
}
