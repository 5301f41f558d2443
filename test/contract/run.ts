// Runs the contract suite: on the emulator, or on a real ZITADEL where ZITADEL_URL and ZITADEL_PAT name
// one. The last line is one JSON object; the exit status is 0 only if no case failed.
import { randomBytes } from 'node:crypto';
import { EmulatorWorld, OLDER_LIMITS } from './emulator-world.js';
import { interruptible } from './interruption.js';
import { compareHierarchy, hierarchyInWords } from './hierarchy.js';
import { announcement, realServerFrom, type RealServer } from './real-server.js';
import { RealWorld } from './real-world.js';
import { Stage } from './stage.js';
import { runSuite, totalsOf, type Findings } from './suite.js';
import { tableInMarkdown } from './table.js';
import type { World } from './world.js';

const USAGE = `usage: npm run contract [-- --table | --apis v1 | --apis v2 | --limits older]
  --table   prints the table of SECURITY.md
  --apis    lets the emulator serve only one generation of the API
  --limits  gives the emulator the limits of ZITADEL before v4.19.5
With ZITADEL_URL (the issuer) and ZITADEL_PAT (of an IAM_OWNER) the cases run on that server, over plain http
only on loopback unless ZITADEL_ALLOW_HTTP=1. With ZITADEL_WEBHOOKS_HOST, the host by which that server reaches
this machine, its events are delivered to the suite.`;

const APIS = ['both', 'v1', 'v2'] as const;
type Apis = (typeof APIS)[number];

const [flag, value, ...rest] = process.argv.slice(2);
const apis = flag === '--apis' ? (value ?? '') : 'both';
const hasOlderLimits = flag === '--limits' && value === 'older';

if (flag === '--table') console.log(tableInMarkdown());
else if (
  rest.length > 0 ||
  !(flag === undefined || flag === '--apis' || hasOlderLimits) ||
  !isApis(apis)
) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  process.exitCode = await run(apis);
}

function isApis(value: string): value is Apis {
  return APIS.some((each) => each === value);
}

async function run(served: Apis): Promise<number> {
  let server = 'none';
  let [version, cases, failed] = ['', 0, 0];
  try {
    const real = realServerFrom(process.env);
    server = real?.origin ?? 'emulator';
    const world = await startWorld(served, real);
    ({ version } = world);
    let ended: Promise<void> | undefined;
    const tidy = () => (ended ??= world.close());
    const interrupted = interruptible(process, { tidy, server, say: console.error });
    const say = (line: string) => {
      if (!interrupted()) console.log(line);
    };
    try {
      ({ cases, failed } = await runOn(world, say));
    } finally {
      await Promise.allSettled([tidy()]);
      // Then the last word is said there, and the process ends there.
      if (interrupted()) await new Promise(() => undefined);
      await tidy();
    }
  } catch (error) {
    // What is wrong with the server or the token is told in words; where in the suite that was noticed helps nobody.
    console.error(version === '' && error instanceof Error ? error.message : error);
    failed += 1;
  }
  console.log(JSON.stringify({ name: 'contract', server, version, cases, failed }));
  return failed === 0 ? 0 : 1;
}

async function runOn(world: World, say: (line: string) => void): Promise<Findings> {
  const stage = await Stage.set(world);
  try {
    const findings = await runSuite(stage, say);
    for (const line of totalsOf(findings)) say(line);
    const hierarchy = world.serves.has('v1')
      ? hierarchyInWords(await compareHierarchy(stage.scene))
      : ['', 'Which manager role includes which is asked of API v1: not served by this server'];
    for (const line of hierarchy) say(line);
    return findings;
  } finally {
    await stage.close();
  }
}

async function startWorld(served: Apis, real: RealServer | undefined): Promise<World> {
  const suffix = `contract-${randomBytes(4).toString('hex')}`;
  if (!real) {
    const like = hasOlderLimits ? { queryLimits: OLDER_LIMITS } : {};
    return EmulatorWorld.start(served, suffix, like);
  }
  console.log(`${announcement(real, suffix)}\n`);
  return RealWorld.start(real, suffix, { say: (line) => console.log(line) });
}
