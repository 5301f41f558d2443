import { errorIdIn, send, textAt, type Answer } from './http.js';
import { prepared, type Case, type Chapter, type Given } from './case.js';
import { assertionOf, CLIENT_ASSERTION, openKey } from './oauth.js';
import type { Names, Scene } from './scene.js';
import type { See } from './views.js';
import type { Feature, Generation } from './world.js';

type Form = Readonly<Record<string, string>>;
type Client = 'secret' | 'wrong secret' | 'key' | 'wrong key';

/** A case that is one request, byte for byte as it is written, but for `{names}`. */
export interface RawCase {
  readonly says: string;
  /** Method and path: `POST /auth/v1/memberships/me/_search`. */
  readonly ask: string;
  /** Whose token, by its label. */
  readonly as?: string;
  /** Name of the organization in `x-zitadel-orgid`. */
  readonly org?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Values may be `<label>`: a token. */
  readonly form?: Form | ((scene: Scene) => Promise<Form>);
  /** The application that asks, by its secret or its key. */
  readonly client?: Client;
  readonly given?: Given;
  readonly needs?: Feature;
  /** It changes something, so that it must not be asked twice. */
  readonly once?: true;
  readonly see?: See;
  readonly verdict: Readonly<Record<string, unknown>>;
}

/** Cases of one chapter that are raw requests. The verdict is status, error id or OAuth error, and what `see` sees. */
export function raw(
  chapter: Chapter,
  generation: Generation | undefined,
  cases: readonly RawCase[],
): readonly Case[] {
  return cases.map((written) => {
    const given = prepared(written.given);
    return {
      chapter,
      says: written.says,
      generation,
      ...(written.needs && { needs: written.needs }),
      again: written.once !== true,
      verdict: written.verdict,
      ask: async ({ scene }) => {
        const answer = await askRaw(scene, written, await given(scene));
        const { see } = written;
        return { ...refusalIn(answer), ...(see && { see: see(answer, scene) }) };
      },
    };
  });
}

async function askRaw(scene: Scene, written: RawCase, names: Names): Promise<Answer> {
  const [method = '', path = ''] = written.ask.split(' ');
  const { as, org, headers = {}, body, form, client } = written;
  const fields = typeof form === 'function' ? await form(scene) : form;
  const proof = client && (await proofOf(scene, client));
  return send(scene.issuer, {
    method,
    path: scene.fill(path, names),
    headers: {
      ...(as !== undefined && { authorization: `Bearer ${await scene.token(as)}` }),
      ...(org !== undefined && { 'x-zitadel-orgid': names[org] ?? scene.names[org] ?? org }),
      ...headers,
      ...proof?.headers,
    },
    ...(body !== undefined && {
      body: scene.fill(typeof body === 'string' ? body : JSON.stringify(body), names),
    }),
    ...(fields && { form: { ...(await withTokens(scene, fields)), ...proof?.form } }),
  });
}

/** Client authentication: HTTP Basic (RFC 6749, section 2.3.1) or an assertion (RFC 7523). */
async function proofOf(scene: Scene, client: Client): Promise<{ headers?: Form; form?: Form }> {
  const { apiBasic, apiKey } = scene.made;
  if (client === 'secret' || client === 'wrong secret') {
    const secret = client === 'secret' ? apiBasic.clientSecret : 'wrong';
    const pair = Buffer.from(`${apiBasic.clientId}:${secret}`).toString('base64');
    return { headers: { authorization: `Basic ${pair}` } };
  }
  const key = openKey(apiKey.key.json);
  const { privateKey } = client === 'key' ? key : await scene.key('alice');
  const assertion = assertionOf(scene.issuer, { ...key, privateKey });
  return { form: { client_assertion_type: CLIENT_ASSERTION, client_assertion: assertion } };
}

async function withTokens(
  scene: Scene,
  form: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const filled: Record<string, string> = {};
  for (const [name, value] of Object.entries(form)) {
    const label = /^<(.+)>$/.exec(value)?.[1];
    filled[name] = label === undefined ? value : await scene.token(label);
  }
  return filled;
}

/** Status, and by which id or OAuth error it was refused; texts are no part of a contract. */
export function refusalIn({ status, body }: Answer): Record<string, unknown> {
  const id = errorIdIn(body);
  const error = textAt(body, 'error');
  return {
    status,
    ...(id !== '' && { id }),
    ...(error !== '' && { error }),
  };
}
