import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runCommand } from '#dist/bin/commands.js';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumIsHere, launchChromium } from '../../support/chromium.js';
import { quietTerminal } from '../../support/terminal.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.runIf(chromiumIsHere)('the page of routes --html', () => {
  let browser: Browser;
  let page: Page;
  const trouble: string[] = [];
  beforeAll(async () => {
    browser = await launchChromium();
    page = await browser.newPage();
    page.on('console', (message) => trouble.push(message.text()));
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('request', (request) => trouble.push(request.url()));
    const { terminal, said } = quietTerminal();
    await runCommand(['routes', 'test/bin/routes/application.mjs#large', '--html'], terminal);
    await page.setContent(said().out);
  });
  afterAll(() => browser.close());

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 360],
    ['dark', 360],
  ] as const)('breaks no rule and fits its window: %s, %i pixels', async (colorScheme, width) => {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    expect(await page.evaluate(VIOLATIONS)).toEqual([]);
    expect(await page.evaluate(BEYOND)).toBe(0);
  });

  it('is scrolled by keys, and keeps the names of routes and roles in sight', async () => {
    await page.setViewportSize({ width: 360, height: 800 });
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('region');
    const route = page.getByRole('rowheader', { name: 'GET /orgs/:orgId' });
    const role = page.getByRole('columnheader', { name: 'ORG_OWNER', exact: true });
    const before = { route: await route.boundingBox(), role: await role.boundingBox() };
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.evaluate('document.activeElement.scrollLeft')).toBeGreaterThan(0);
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.evaluate('document.activeElement.scrollTop')).toBeGreaterThan(0);
    expect((await route.boundingBox())?.x).toBe(before.route?.x);
    expect((await role.boundingBox())?.y).toBe(before.role?.y);
    // What stays in sight leaves room for what scrolls.
    expect(before.route?.width).toBeLessThan(180);
    expect(before.role?.height).toBeLessThan(260);
  });

  it('runs no script, asks nobody for anything, and writes no complaint', () => {
    expect(trouble).toEqual([]);
  });
});

/** What axe finds. */
const VIOLATIONS = `${AXE};
axe.run().then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ' ' + target.join(' '))))`;

/** By how many pixels the page is wider than its window. */
const BEYOND = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
