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

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: object;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly {
    readonly refId: string;
    readonly datasource: object;
    readonly expr: string;
    readonly legendFormat: string;
  }[];
}

const dashboard = JSON.parse(textOf('grafana-dashboard.json')) as {
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly query: unknown;
    }[];
  };
  readonly panels: readonly Panel[];
};

/** The data source that whoever looks has chosen. */
const CHOSEN = { type: 'prometheus', uid: '${datasource}' };

it('the dashboard shows every metric, and no other, by labels that they have', async () => {
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

it.each(dashboard.panels.map((panel) => [panel.title, panel] as const))(
  'the panel of the dashboard can be drawn: %s',
  (_, { id, type, gridPos, datasource, fieldConfig, targets = [] }) => {
    const others = dashboard.panels.filter((other) => other.id !== id);
    expect(others).toHaveLength(dashboard.panels.length - 1);
    const { x, y, w, h } = gridPos;
    expect(x >= 0 && w > 0 && x + w <= 24 && h > 0).toBe(true);
    const covered = others.filter(
      ({ gridPos: at }) => x < at.x + at.w && at.x < x + w && y < at.y + at.h && at.y < y + h,
    );
    expect(covered).toEqual([]);
    if (type === 'row') return;
    expect(['timeseries', 'state-timeline']).toContain(type);
    expect(['reqps', 'ops', 'percentunit', 's', 'short']).toContain(fieldConfig?.defaults.unit);
    expect(targets.length).toBeGreaterThan(0);
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    expect([datasource, ...targets.map((each) => each.datasource)]).toEqual(
      Array.from({ length: targets.length + 1 }, () => CHOSEN),
    );
    for (const { expr, legendFormat } of targets) {
      expect(expr.split('(').length).toBe(expr.split(')').length);
      const [, by = ''] = /by \(([^)]*)\)/.exec(expr) ?? [];
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      expect(by.split(', ').filter((label) => label !== '' && label !== 'le')).toEqual(named);
      // Without a series there is no share, though it is 0.
      if (expr.includes(' / ')) expect(expr).toMatch(/^\(sum\(.*\) or vector\(0\)\) \/ sum\(/);
    }
  },
);

it('the dashboard has the variables that it uses, and uses those that it has', () => {
  const { list } = dashboard.templating;
  const used = new Set(
    [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)]
      .map(([, name = '']) => name)
      .filter((name) => !name.startsWith('__')),
  );
  expect([...used].sort()).toEqual(list.map(({ name }) => name).sort());
  expect(list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
  for (const each of list.slice(1)) expect(each).toMatchObject({ datasource: CHOSEN });
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
