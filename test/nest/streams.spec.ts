import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type EvictionEvent, ZitadelAuthorizer, ZitadelEvictionStream } from '../../lib/index.js';
import { boot } from '../support/application.js';
import { usePeople } from '../support/world.js';

const people = usePeople();
const run = promisify(execFile);

/** A process of its own in which subscribers misbehave in every way, with what it printed if it lived. */
const MISBEHAVING = `
  import { filter, map } from 'rxjs';
  import { ZitadelDecisionStream, ZitadelEvictionStream } from '#dist/nest/zitadel.streams.js';
  const listeners = new Set();
  const listen = (listener) => (listeners.add(listener), () => listeners.delete(listener));
  const authorizer = { onDecision: listen, onEviction: listen };
  const fail = () => { throw new Error('of the application'); };
  const heard = [];
  for (const Stream of [ZitadelDecisionStream, ZitadelEvictionStream]) {
    const stream = new Stream(authorizer);
    stream.subscribe(fail);
    stream.subscribe({ next: fail, error: fail, complete: fail });
    stream.subscribe({ next: async () => fail() });
    stream.subscribe(fail, fail, fail);
    stream.subscribe();
    stream.pipe(map(fail)).subscribe(() => undefined);
    stream.pipe(map(fail)).subscribe({ error: fail });
    stream.pipe(filter(() => true), map((each) => each)).subscribe(fail);
    stream.pipe(map((each) => each * 2)).subscribe((each) => heard.push(each));
  }
  for (const event of [1, 2]) for (const listener of [...listeners]) listener(event);
  setTimeout(() => console.log(JSON.stringify({ heard, listeners: listeners.size })), 50);
`;

describe('a subscriber of a stream that throws', () => {
  it('harms nobody, also behind operators, and ends no process', async () => {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', MISBEHAVING]);
    // Of each stream only the two whose operator has thrown have ended.
    expect(JSON.parse(stdout)).toEqual({ heard: [2, 2, 4, 4], listeners: 14 });
  });
});

describe('the stream of evictions', () => {
  it('tells each, until one has heard enough', async () => {
    const { app } = await boot(people, {});
    const authorizer = app.get(ZitadelAuthorizer);
    const heard: EvictionEvent[] = [];
    const subscription = app
      .get(ZitadelEvictionStream)
      .subscribe((event) => void heard.push(event));
    await authorizer.evict(people.ids.ofA);
    await authorizer.evictOrganization(people.orgA);
    subscription.unsubscribe();
    await authorizer.evictAll();
    expect(heard).toMatchObject([
      { eviction: { type: 'user', userId: people.ids.ofA }, from: 'application' },
      { eviction: { type: 'organization', orgId: people.orgA }, from: 'application' },
    ]);
  });
});
