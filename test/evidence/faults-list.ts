import type { Endpoint, Strike } from './fault-server.js';
import * as strikes from './strikes.js';
import type { PlaceName, Places } from './unreachable.js';
import {
  aboutAnother,
  deep,
  HTML,
  manyRows,
  page,
  refusal,
  wrongShapesOf,
} from './wrong-answers.js';

/** One way of a fault: an answer on the socket, or another address that is asked instead. */
export interface Variant {
  readonly name: string;
  readonly strike?: Strike;
  readonly place?: PlaceName;
}

/** What can go wrong between the library and ZITADEL. */
export interface Fault {
  readonly id: `U${string}`;
  readonly text: string;
  /** Nothing comes, and all of the time goes by: these are met together. */
  readonly hangs?: true;
  variants(scene: Scene): readonly Variant[];
}

/** What the variants are made for. */
export interface Scene {
  readonly endpoint: Endpoint;
  readonly api: 'v1' | 'v2';
  readonly places: Places;
  readonly proxyUrl: string;
  /** The ids that a right answer is about. */
  readonly ids: readonly string[];
}

const { answering, bent, bodiless } = strikes;
const HTML_TYPE = { 'content-type': 'text/html; charset=utf-8' } as const;
/** RFC 9110, 10.2.3: seconds, or a date; and what is neither. */
const RETRY_AFTER = [
  '9999999',
  '99999999999999999999',
  'soon',
  '-5',
  '0',
  '1.5',
  'Fri, 31 Dec 2199 23:59:59 GMT',
  'Thu, 01 Jan 1970 00:00:00 GMT',
] as const;
const REDIRECTS = [301, 302, 303, 307, 308] as const;

const ways = (given: Readonly<Record<string, Strike>>): readonly Variant[] =>
  Object.entries(given).map(([name, strike]) => ({ name, strike }));
const only = (strike: Strike) => (): readonly Variant[] => [{ name: 'only', strike }];
const at =
  (...places: readonly PlaceName[]) =>
  (): readonly Variant[] =>
    places.map((place) => ({ name: place, place }));
const saying =
  (status: number, extra: Readonly<Record<string, string>> = {}) =>
  ({ endpoint }: Scene): readonly Variant[] => [
    {
      name: String(status),
      strike: answering(status, refusal(status, endpoint), {
        'content-type': 'application/json',
        ...extra,
      }),
    },
  ];

/** U01 to U34, each in all its variants. */
export const FAULTS: readonly Fault[] = [
  { id: 'U01', text: 'the connection is refused', variants: at('refusing') },
  { id: 'U02', text: 'the name does not exist', variants: at('unknownName') },
  { id: 'U03', hangs: true, text: 'the name server never answers', variants: at('silentName') },
  { id: 'U04', hangs: true, text: 'nothing answers the connection', variants: at('blackHole') },
  { id: 'U05', text: 'reset once connected', variants: at('resetting') },
  { id: 'U06', text: 'reset within the head', variants: only(strikes.resetInHead) },
  { id: 'U07', text: 'reset within the body', variants: only(strikes.resetInBody) },
  { id: 'U08', hangs: true, text: 'accepted, then silence', variants: only(strikes.silence) },
  { id: 'U09', hangs: true, text: 'a head that drips', variants: only(strikes.slowHead) },
  { id: 'U10', hangs: true, text: 'a byte of the body a second', variants: only(strikes.slowBody) },
  {
    id: 'U11',
    text: 'a body without end',
    variants: () => ways({ fast: strikes.endlessBody, slow: strikes.endlessSlowBody }),
  },
  { id: 'U12', text: 'Content-Length too long', variants: only(strikes.misMeasured(10)) },
  { id: 'U13', text: 'Content-Length too short', variants: only(strikes.misMeasured(-10)) },
  {
    id: 'U14',
    text: 'chunks that are none',
    variants: () =>
      ways(
        Object.fromEntries(
          (['no number', 'too long', 'no end', 'two lengths'] as const).map((kind) => [
            kind,
            strikes.badlyChunked(kind),
          ]),
        ),
      ),
  },
  {
    id: 'U15',
    text: '100 KB of headers',
    variants: () => ways({ one: strikes.largeHead(1), many: strikes.largeHead(1_000) }),
  },
  {
    id: 'U16',
    text: 'a body that unpacks to 64 MiB',
    variants: () =>
      ways({
        gzip: strikes.bomb('gzip'),
        deflate: strikes.bomb('deflate'),
        br: strikes.bomb('br'),
      }),
  },
  {
    id: 'U17',
    text: 'a body that does not unpack',
    variants: () =>
      ways({
        'not packed': strikes.badlyPacked('not packed'),
        flipped: strikes.badlyPacked('flipped'),
        cut: strikes.badlyPacked('cut'),
      }),
  },
  { id: 'U18', text: '500', variants: saying(500) },
  {
    id: 'U19',
    text: '404, 502 and 504 of a gateway, in HTML',
    variants: () =>
      ways({
        404: answering(404, HTML, HTML_TYPE),
        502: answering(502, HTML, HTML_TYPE),
        504: answering(504, HTML, HTML_TYPE),
      }),
  },
  {
    id: 'U20',
    text: '503 with every kind of Retry-After',
    variants: (scene) =>
      RETRY_AFTER.flatMap((value) =>
        saying(503, { 'retry-after': value })(scene).map((way) => ({ ...way, name: value })),
      ),
  },
  {
    id: 'U21',
    text: '429, also with an invitation to repeat at once',
    variants: (scene) => [...saying(429)(scene), ...saying(429, { 'retry-after': '0' })(scene)],
  },
  { id: 'U22', text: '401', variants: saying(401) },
  { id: 'U23', text: '403', variants: saying(403) },
  { id: 'U24', text: '404', variants: saying(404) },
  {
    id: 'U25',
    text: '204, 205, 304: no body',
    variants: () => ways({ 204: bodiless(204), 205: bodiless(205), 304: bodiless(304) }),
  },
  {
    id: 'U26',
    text: 'redirects: to another origin, to itself, to a file',
    variants: ({ places, proxyUrl }) => [
      ...REDIRECTS.map((status) => ({
        name: String(status),
        strike: redirectTo(status, `${places.trap.origin}/trap`),
      })),
      {
        name: 'to itself',
        strike: ((socket, struck) =>
          redirectTo(307, proxyUrl + struck.asked.path)(socket, struck)) satisfies Strike,
      },
      { name: 'file', strike: redirectTo(302, 'file:///etc/passwd') },
      { name: 'nowhere', strike: bodiless(302) },
    ],
  },
  { id: 'U27', text: '200 and HTML', variants: only(answering(200, HTML, HTML_TYPE)) },
  {
    id: 'U28',
    text: '200 and half of the JSON',
    variants: only(bent((body) => body.slice(0, Math.floor(body.length / 2)))),
  },
  {
    id: 'U29',
    text: '200 and JSON of a wrong shape',
    variants: ({ endpoint, api }) =>
      wrongShapesOf(endpoint, api).map(({ name, bend }) => ({ name, strike: bent(bend) })),
  },
  {
    id: 'U30',
    text: '200 and JSON nested 100,000 times',
    variants: () =>
      (['list', 'object', 'members'] as const).map((kind) => ({
        name: kind,
        strike: bent((body) => deep(body, kind)),
      })),
  },
  {
    id: 'U31',
    text: '200 and a million rows',
    variants: only(async (socket, { right }) => {
      const { body } = await right();
      strikes.pourMany(socket, ...manyRows(body.toString()));
    }),
  },
  {
    id: 'U32',
    text: 'pages without end, repeated, shrinking',
    variants: () =>
      (['endless', 'repeating', 'shrinking'] as const).map((kind) => ({
        name: kind,
        strike: bent((body, struck) => page(body, struck, kind)),
      })),
  },
  {
    id: 'U33',
    text: 'certificates: self-signed, expired, of another host; plain HTTP behind https',
    variants: at('selfSigned', 'expired', 'wrongHost', 'plainHttp'),
  },
  {
    id: 'U34',
    text: 'the right answer about another user or instance',
    variants: ({ ids }) => [
      { name: 'only', strike: bent((body, struck) => aboutAnother(body, struck, ids)) },
    ],
  },
];

function redirectTo(status: number, location: string): Strike {
  return bodiless(status, { location, 'content-length': '0' });
}
