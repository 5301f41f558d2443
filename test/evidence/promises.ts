// What each proof promises to print, and what each of these figures must be for the promise to hold.

/** Says whether a figure is what was promised, of the long form or the short one. */
type Bound = (figure: unknown, isShort: boolean) => boolean;

const none: Bound = (figure) => figure === 0;
const one: Bound = (figure) => figure === 1;
/** Of what was put to the test: nothing at all shows nothing. */
const some: Bound = (figure) => typeof figure === 'number' && figure > 0;
const atMost = (most: number): Bound => {
  return (figure) => typeof figure === 'number' && figure >= 0 && figure <= most;
};
const atLeast = (least: number): Bound => {
  return (figure) => typeof figure === 'number' && figure >= least;
};
/** Of what was put to the test: a half that is left out must not go unnoticed. */
const allOf = (least: { readonly short: number; readonly long: number }): Bound => {
  return (figure, isShort) => atLeast(isShort ? least.short : least.long)(figure, isShort);
};
const someOf: Bound = (figure) => Object.keys(Object(figure)).length > 0;

export const PROMISES: Readonly<Record<string, Readonly<Record<string, Bound>>>> = {
  bounds: { mostGrowthMiB: atMost(32) },
  bystanders: { scenarios: some, worstRefusedShare: atMost(0.01) },
  captures: { replayed: some, different: none, leftOut: atMost(34) },
  'cli-emulator': {
    clients: (figure) => figure === 20,
    failed: none,
    // How much it may be depends on how long the proof runs: it judges it itself.
    startMs: some,
  },
  cold: { requests: some, upstreamCalls: one },
  corpus: {
    cases: atLeast(300),
    casesThroughEveryDoor: atLeast(300),
    doors: atLeast(9),
    modes: atLeast(4),
    results: some,
    differences: none,
  },
  consumers: { combinations: allOf({ short: 3, long: 136 }), failed: none },
  crowd: { rows: some, maxima: someOf, lockOuts: none, wrong: none },
  'dead-tokens': { kinds: some, lateAllows: none, othersRefused: none },
  decisions: { runs: some, allows: some, wrong: none },
  ensure: { races: some, duplicates: none, wrong: none },
  'evict-race': {
    interleavings: allOf({ short: 60, long: 100_000 }),
    stale: none,
    staleWithGuardOff: some,
  },
  faults: { cells: some, allows: none, slow: none, unhandled: none, outageAsDenial: none },
  fleet: {
    processes: allOf({ short: 3, long: 8 }),
    users: allOf({ short: 60, long: 1_000 }),
    refused: none,
    upstreamCalls: atMost(1_050),
  },
  house: { files: some, median: some, longest: atMost(300), circles: none, strayExports: none },
  isolation: { requests: allOf({ short: 800, long: 100_000 }), mixedUp: none },
  jwks: { tokens: some, modes: someOf, mostFetchesPerWindow: one },
  memory: {
    users: allOf({ short: 100_000, long: 1_000_000 }),
    bytesPerUser: atMost(1_024),
    plateau: atMost(32),
  },
  messages: { mistakes: atLeast(50), named: atLeast(50) },
  mutation: { mutants: some, killed: some, score: atLeast(0.95), survivors: atLeast(0) },
  'otel-off': {
    nsAbsent: some,
    noise: some,
    // What is switched off must not be measurable. Nothing is measured well beside other proofs.
    offRatio: (figure, isShort) =>
      some(figure, isShort) && (isShort || atMost(1.05)(figure, isShort)),
    idleRatio: some,
    sampledRatio: some,
    everyRatio: some,
  },
  newcomer: {
    commands: (figure) => figure === 2,
    lines: (figure) => figure === 4,
    applications: allOf({ short: 1, long: 3 }),
    failed: none,
  },
  openapi: {
    routes: allOf({ short: 45, long: 300 }),
    differences: none,
    documents: some,
    valid: some,
  },
  parameters: {
    values: atLeast(150),
    doors: atLeast(9),
    requests: some,
    allowed: none,
    errors500: none,
    rawInUrl: none,
  },
  paths: {
    paths: atLeast(60),
    methods: atLeast(9),
    stacks: atLeast(4),
    requests: atLeast(60 * 9 * 4),
    unguarded: none,
    errors500: none,
  },
  pages: { cells: some, wrong: none },
  poison: { values: atLeast(60), allows: none },
  'redis-down': {
    requests: allOf({ short: 100, long: 1_000 }),
    // What else they may be depends on how long the proof runs: it judges times itself.
    slow: atLeast(0),
    wrong: none,
    recoveryMs: atLeast(0),
  },
  redirects: { tried: some, bytesLeaked: none },
  retries: { ambiguous: some, duplicates: none, outageCallRatio: atMost(1.1) },
  'revocation-hard': {
    revocations: allOf({ short: 40, long: 10_000 }),
    letInAfter: some,
    lateAllows: none,
    latestMs: some,
    stillAllowed: none,
  },
  'revocation-soft': {
    revocations: allOf({ short: 40, long: 10_000 }),
    // How much they may be depends on how long the proof runs: it judges them itself.
    undelivered: none,
    p50Ms: atLeast(0),
    p99Ms: some,
    maxMs: some,
    p50FromChangeMs: atLeast(0),
    p99FromChangeMs: some,
    maxFromChangeMs: some,
    stillAllowed: none,
    afterEviction: none,
  },
  rotation: { rotations: some, wrong401: none, mostFetchesPerSecond: one },
  'routes-lock': {
    ways: allOf({ short: 12, long: 33 }),
    caught: allOf({ short: 12, long: 33 }),
    unchanged: some,
    falseAlarms: none,
  },
  secrets: { lines: some, hits: none },
  'setup-doctor': {
    broken: atLeast(25),
    named: atLeast(25),
    falseAlarms: none,
    secondRunChanges: none,
    leftovers: none,
  },
  tail: {
    events: allOf({ short: 1_000, long: 10_000 }),
    missed: none,
    kills: allOf({ short: 3, long: 20 }),
    lagP99Ms: some,
  },
  tokens: { hostile: some, accepted: none, errors500: none, kinds: some, kindsAccepted: one },
  'missing-guard': { ways: (figure) => figure === 16, ran: none },
  undeclared: { handlers: atLeast(80), ran: none },
  warm: {
    // How much each may be depends on how long the proof runs: it judges them itself.
    overLookup: some,
    overLookup8: some,
    overOneClock8: some,
    projectRatio: some,
    permissionRatio: some,
    rowsRatio: some,
    expressRatio: some,
    fastifyRatio: some,
    nsPerCall: some,
    bytesPerCall: atMost(160),
  },
  webhook: {
    flips: atLeast(8_000),
    accepted: none,
    recorded: (figure) => figure === 15,
    recordedAccepted: (figure) => figure === 15,
    unsigned: allOf({ short: 2_000, long: 100_000 }),
    growthMiB: atMost(8),
    burst: allOf({ short: 500, long: 5_000 }),
    // How much it may be depends on how long the proof runs: it judges it itself.
    ackP99Ms: some,
  },
};

/** What is wrong with the figures of a proof: one that is missing, or is not what was promised. */
export function broken(
  name: string,
  figures: Readonly<Record<string, unknown>>,
  isShort: boolean,
): string[] {
  const promised = Object.entries(PROMISES[name] ?? {});
  if (promised.length === 0) return ['it promises no figure'];
  return promised.flatMap(([figure, holds]) => {
    if (holds(figures[figure], isShort)) return [];
    return [`${figure} is ${JSON.stringify(figures[figure]) ?? 'missing'}`];
  });
}
