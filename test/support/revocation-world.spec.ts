import { expect, it, onTestFinished } from 'vitest';
import { verifyEventSignature } from '../../lib/zitadel/events/verify-event.js';
import { openReceiver } from './receiver.js';
import { RevocationWorld } from './revocation-world.js';

it('the world of revocations tells each address in turn of what is revoked', async () => {
  const world = await RevocationWorld.start(4);
  onTestFinished(() => world.stop());
  const receivers = [await openReceiver(), await openReceiver()];
  onTestFinished(async () => void (await Promise.all(receivers.map((each) => each.close()))));
  await world.deliverTo(receivers.map(({ url }) => url));
  const [revoked, arrived] = [new Map<number, number>(), new Map<number, number>()];
  world.onRevoked = (place, at) => revoked.set(place, at);
  world.onArrived = (place, at) => arrived.set(place, at);
  await world.revoke([3, 1], 1_000);
  await world.delivered();
  expect([...revoked.keys()]).toEqual([3, 1]);
  expect(new Set(arrived.keys())).toEqual(new Set([1, 3]));
  expect(receivers.map(({ deliveries }) => deliveries.length)).toEqual([1, 1]);
  for (const { raw, headers, at } of receivers.flatMap(({ deliveries }) => deliveries)) {
    const signature = headers['zitadel-signature'];
    expect(verifyEventSignature(raw, signature, world.signingKey, at)).toBe('valid');
  }
  await world.deliveries({ lose: 1 });
  await world.giveBack([3, 1]);
  await world.revoke([3], 1_000);
  await world.delivered();
  expect(receivers.map(({ deliveries }) => deliveries.length)).toEqual([1, 1]);
});
