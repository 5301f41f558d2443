import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { Sdk } from './sdk.js';

const textOf = (file: string) =>
  readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');

/** Something of each metric. */
async function metrics(): Promise<readonly MetricData[]> {
  const sdk = new Sdk();
  const telemetry = sdk.telemetry({ sample: 1 })({ issuer: 'https://acme.example' });
  const read = { at: Date.now(), from: 'zitadel' } as const;
  telemetry.decided({ allowed: false, reason: 'unavailable', read }, 'remembered');
  telemetry.found('permissions', 'shared');
  telemetry.unsent('keys');
  telemetry.followed(1);
  telemetry.evicted({ at: 1, eviction: { type: 'everyone' }, from: 'fleet' });
  telemetry.watch(() => new Map([['keys', 'open']]));
  const step = { name: 'request', endpoint: 'keys', method: 'GET', resends: 0 } as const;
  await telemetry.during(step, () => Promise.resolve({ status: 503, error: '503' }));
  return [...(await sdk.metrics()).values()];
}

/** As Prometheus has it from OTLP, from the collector, and from exporters that leave the unit out. */
const prometheusName = ({ descriptor, dataPointType }: MetricData): string => {
  const name = descriptor.name.replaceAll('.', '_');
  return dataPointType === DataPointType.SUM ? `${name}_total` : name;
};

it('the dashboard shows every metric, and no other, by labels that they have', async () => {
  const dashboard = JSON.parse(textOf('grafana-dashboard.json')) as {
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  };
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  expect(queries.length).toBeGreaterThan(10);
  const all = await metrics();
  const names = new Set(all.map(prometheusName));
  const labels = new Set(
    all.flatMap(({ dataPoints }) =>
      dataPoints.flatMap(({ attributes }) =>
        Object.keys(attributes).map((each) => each.replaceAll('.', '_')),
      ),
    ),
  );
  const shown = new Set<string>();
  for (const query of queries) {
    const plain = query.replaceAll(/\(_seconds\)\?(_bucket|_count)/g, '');
    for (const [word] of plain.matchAll(/\b(zitadel|error|server|http)_\w+/g)) {
      if (!labels.has(word)) shown.add(word);
    }
  }
  expect([...shown].sort()).toEqual([...names].sort());
});

it('the page has the name, kind and unit of every metric', async () => {
  const rows = [
    ...textOf('telemetry.md').matchAll(/^\| `(zitadel\.[\w.]+)` +\| (\w+), `(.+?)` +\|/gm),
  ];
  const kinds = { [DataPointType.SUM]: 'counter', [DataPointType.GAUGE]: 'gauge' } as const;
  const real = (await metrics()).map(({ descriptor: { name, unit }, dataPointType }) => {
    const kind = (kinds as Readonly<Record<number, string>>)[dataPointType] ?? 'histogram';
    return `${name}: ${kind}, ${unit}`;
  });
  const told = rows.map(([, name, kind, unit]) => `${name}: ${kind}, ${unit}`);
  expect(told.sort()).toEqual(real.sort());
});
