import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HOSTILE_NAME } from '../sample-app/seed.js';
import { chromiumIsHere, launchChromium } from './support/chromium.js';
import { buildSample, startOnZitadel, startSample, type Sample } from './support/sample.js';

const COLOR_SCHEMES = ['light', 'dark'] as const;
const STEPS = ['token', 'caller', 'memberships', 'requirement', 'decision'];

const WHAT_ROLES_ARE =
  /A manager role says who manages [^.]* in ZITADEL itself; it is not an authorization, [^.]*\./;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.runIf(chromiumIsHere)('the page of the sample app', () => {
  let sample: Sample;
  let browser: Browser;
  // One for all, since each context takes a process of its own. The page keeps the sign-in by tab.
  let context: BrowserContext;
  beforeAll(async () => {
    await buildSample();
    [sample, browser] = await Promise.all([startSample(), launchChromium()]);
    context = await browser.newContext();
    context.setDefaultTimeout(120_000);
    // While one tab of the page is open, the process of its site goes on, and the others begin in it.
    await (await context.newPage()).goto(sample.url);
  });
  afterAll(async () => {
    await browser.close();
    await sample.stop();
  });

  /** A tab of its own, in which nothing may run or fail that the page did not ask for. */
  async function open(
    media: Parameters<Page['emulateMedia']>[0] = {},
    { url }: Pick<Sample, 'url'> = sample,
    viewport = { width: 1360, height: 900 },
  ): Promise<Page> {
    const page = await context.newPage();
    await page.setViewportSize(viewport);
    await page.emulateMedia(media);
    const trouble: string[] = [];
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('dialog', (dialog) => {
      trouble.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('console', (message) => {
      // Chromium reports every 4xx and 5xx here, which are what this page is about.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
        trouble.push(message.text());
      }
    });
    page.on('requestfailed', (request) => {
      // What was under way when the page was left is aborted.
      const why = request.failure()?.errorText;
      if (why !== 'net::ERR_ABORTED') trouble.push(`${String(why)}: ${request.url()}`);
    });
    onTestFinished(async () => {
      await page.close();
      expect(await context.cookies()).toEqual([]);
      expect(trouble).toEqual([]);
    });
    await page.goto(url);
    await page.getByRole('button', { name: 'Sign in with ZITADEL' }).waitFor();
    return page;
  }

  async function signIn(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name: 'Sign in with ZITADEL' }).click();
    await page.getByRole('button', { name: new RegExp(`^${name} `) }).click();
    await page.getByText(`Signed in as ${name}`).waitFor();
  }

  async function callRoute(page: Page, title: string): Promise<string> {
    // To choose a route takes away what was answered before.
    await page.getByLabel('Route', { exact: true }).selectOption(title);
    await page.getByRole('button', { name: 'Send the request' }).click();
    await page.locator('#answer .verdict').waitFor();
    return page.locator('#answer').innerText();
  }

  /** The steps of the path, with what became of each. */
  function stepsOf(page: Page): Promise<string[]> {
    return page
      .locator('#path > li')
      .evaluateAll((steps: { dataset: Record<string, string> }[]) =>
        steps.map(({ dataset }) => `${String(dataset['step'])} ${String(dataset['outcome'])}`),
      );
  }

  /** Up to this step all is well, there it ends, and what follows is not reached. */
  function stopping(end: string): string[] {
    const at = STEPS.indexOf(end);
    const outcome = (index: number) =>
      index < at ? 'passed' : index === at ? 'stopped' : 'unseen';
    return STEPS.map((step, index) => `${step} ${outcome(index)}`);
  }

  it('answers 200 to one route and 401 to the others while nobody is signed in', async () => {
    const page = await open();
    await page.getByLabel('none', { exact: true }).check();
    expect(await callRoute(page, 'Open to everybody')).toContain('200 OK');
    const refused = await callRoute(page, 'An organization');
    expect(refused).toMatch(/401 Unauthorized\s+token_missing\s+An access token is required\./);
    expect(await page.locator('#roles-table').isVisible()).toBe(false);
    expect(await page.locator('#welcome').innerText()).toMatch(WHAT_ROLES_ARE);
  });

  it('signs in, shows the roles, and tells 200 from 401 and 403 with reason and age', async () => {
    const page = await open();
    await signIn(page, 'Olga');
    expect(await page.locator('#roles').innerText()).toMatch(WHAT_ROLES_ARE);
    const row = page.locator('.stack').getByRole('row', { name: /ORG_OWNER/ });
    expect(await row.innerText()).toMatch(/ORG_OWNER\s+an organization\s+Acme Robotics/);
    expect(await callRoute(page, 'An organization')).toMatch(
      /200 OK\s+You may look at organization Acme Robotics \(\d+\)\. Allowed by ORG_OWNER on Acme Robotics\.\s+Memberships: read from ZITADEL (just now|\d+ seconds? ago)\./,
    );
    expect(await callRoute(page, 'The whole instance')).toMatch(
      /403 Forbidden\s+role_missing\s+A manager role is missing\./,
    );
    await page.getByLabel('forged', { exact: true }).check();
    expect(await callRoute(page, 'Anybody with a token')).toContain('token_invalid');
    const events = page.locator('#decisions li');
    await events
      .filter({ hasText: 'You were let in by ORG_OWNER on Acme Robotics.' })
      .first()
      .waitFor();
    await events.filter({ hasText: 'You were refused. The access token is not valid.' }).waitFor();
  });

  it('names people and things beside their ids', async () => {
    const page = await open();
    await signIn(page, 'Olga');
    expect(await callRoute(page, 'Anybody with a token')).toMatch(/You are user Olga \(\d+\)\./);
    expect(await callRoute(page, 'A project, with the right owner')).toMatch(
      /project Customer portal \(\d+\), and it belongs to organization Acme Robotics \(\d+\)/,
    );
    const owner = await open();
    await signIn(owner, 'Ines');
    await owner.locator('#decisions').getByText('User Olga (').first().waitFor();
  });

  it('begins at its heading for whoever has just signed in', async () => {
    const page = await open();
    await signIn(page, 'Otto');
    await expect.poll(() => focused(page)).toBe('My roles');
    // Who only reloads stays where they are.
    await page.reload();
    await page.getByText('Signed in as Otto').waitFor();
    expect(await focused(page)).not.toBe('My roles');
  });

  it('keeps the sign-in over a reload and forgets it on signing out', async () => {
    const page = await open();
    await signIn(page, 'Otto');
    await page.reload();
    await page.getByText('Signed in as Otto').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await page.evaluate('Object.keys(sessionStorage)')).toEqual([]);
    await page.getByLabel('none', { exact: true }).check();
    expect(await callRoute(page, 'Anybody with a token')).toContain('401 Unauthorized');
  });

  it('does not take a sign-in that this tab did not begin', async () => {
    const page = await open();
    await page.goto(`${sample.url}/?code=stolen&state=guessed`);
    await page.getByRole('alert').getByText('was not begun in this tab').waitFor();
    expect(page.url()).toBe(`${sample.url}/`);
    expect(await page.getByRole('button', { name: 'Sign in with ZITADEL' }).isVisible()).toBe(true);
  });

  it('shows 503 while ZITADEL is broken and 200 once it is mended', async () => {
    const page = await open();
    await signIn(page, 'Otto');
    await page.getByRole('button', { name: 'Break ZITADEL' }).click();
    const mend = page.getByRole('button', { name: 'Mend ZITADEL' });
    await mend.waitFor();
    expect(await callRoute(page, 'An organization')).toMatch(
      /503 Service Unavailable\s+unavailable\s+Authorization is not available at the moment\./,
    );
    await page.locator('#decisions li').filter({ hasText: 'unavailable' }).first().waitFor();
    await mend.click();
    await page.getByText('ZITADEL answers again.').waitFor();
    // Other tabs failed too: then ZITADEL is left alone for a second, as the answer says.
    await expect.poll(() => callRoute(page, 'An organization')).toContain('200 OK');
  });

  it('fills itself once ZITADEL answers again, when it was opened during an outage', async () => {
    const page = await open();
    await signIn(page, 'Otto');
    await page.getByRole('button', { name: 'Break ZITADEL' }).click();
    await page.getByRole('button', { name: 'Mend ZITADEL' }).waitFor();
    await page.reload();
    await page.locator('#roles-status').getByText('503 Service Unavailable').waitFor();
    expect(
      await page
        .locator('.stack')
        .getByRole('row', { name: /ORG_OWNER_VIEWER/ })
        .count(),
    ).toBe(0);
    await page.getByRole('button', { name: 'Mend ZITADEL' }).click();
    await page
      .locator('.stack')
      .getByRole('row', { name: /ORG_OWNER_VIEWER/ })
      .waitFor();
    await page.getByText('Signed in as Otto').waitFor();
    expect(await page.locator('#roles-status').innerText()).toBe('');
  });

  it('takes a role away, still lets in, refuses after forgetting, and gives it back', async () => {
    const page = await open();
    await signIn(page, 'Ivo');
    expect(await callRoute(page, 'The whole instance')).toContain('200 OK');
    await page.getByRole('button', { name: 'Take away IAM_OWNER_VIEWER on the instance' }).click();
    await page.getByText('You hold no manager role.').waitFor();
    const remembered = page.getByText(
      /still remembers IAM_OWNER_VIEWER on the instance for \d+ seconds?,/,
    );
    await remembered.waitFor();
    expect(Number(/for (\d+) s/.exec(await remembered.innerText())?.[1])).toBeLessThanOrEqual(30);
    expect(await callRoute(page, 'The whole instance')).toContain('200 OK');
    await page.getByRole('button', { name: 'Forget me' }).click();
    await page.getByText('Forgotten.').waitFor();
    expect(await remembered.count()).toBe(0);
    expect(await callRoute(page, 'The whole instance')).toContain('403 Forbidden');
    await page.getByRole('button', { name: 'Give them back' }).click();
    await page
      .locator('.stack')
      .getByRole('row', { name: /IAM_OWNER_VIEWER/ })
      .waitFor();
  });

  it('shows that two instances refuse when ZITADEL tells one of them, and after how long', async () => {
    const page = await open();
    await signIn(page, 'Ivo');
    const watch = 'Watch it end in two instances: IAM_OWNER_VIEWER on the instance';
    await page.getByRole('button', { name: watch }).click();
    await page.getByText(/Both instances refuse: the first after \d+ ms, the second/).waitFor();
    expect(await callRoute(page, 'The whole instance')).toContain('403 Forbidden');
    await page.getByRole('button', { name: 'Give them back' }).click();
    await page
      .locator('.stack')
      .getByRole('row', { name: /IAM_OWNER_VIEWER/ })
      .waitFor();
  });

  it('says when a role that was taken away is not remembered any more', async () => {
    const page = await open();
    await signIn(page, 'Gwen');
    await page.clock.install();
    await page.getByRole('button', { name: /^Take away PROJECT_GRANT_OWNER / }).click();
    await page.getByText(/still remembers PROJECT_GRANT_OWNER on Customer portal/).waitFor();
    await page.clock.fastForward(31_000);
    await page.getByText('This app does not remember it any more.').waitFor();
    await page.getByRole('button', { name: 'Give them back' }).click();
    await page
      .locator('.stack')
      .getByRole('row', { name: /PROJECT_GRANT_OWNER/ })
      .waitFor();
    expect(await page.locator('#roles-status').innerText()).toContain('The roles are back.');
  });

  it('grants a project and shows it, and says in words what ZITADEL refuses', async () => {
    const page = await open();
    await signIn(page, 'Petra');
    await page.getByLabel('Grant it to', { exact: true }).selectOption({ index: 1 });
    const roles = page.getByLabel('Roles', { exact: true });
    await roles.fill('reader nobody');
    await page.getByRole('button', { name: 'Grant the project' }).click();
    const status = page.locator('#grant-status');
    await status.getByText('COMMAND-6m9gd').waitFor();
    expect(await status.innerText()).toContain('A role key does not exist on the project');
    await roles.fill('');
    await page.getByRole('button', { name: 'Grant the project' }).click();
    await page.locator('#grant-roles-error').getByText('Name at least one role').waitFor();
    expect(await roles.getAttribute('aria-invalid')).toBe('true');
    await roles.fill('reader billing');
    await page.getByRole('button', { name: 'Grant the project' }).click();
    await status.getByText('The project is granted.').waitFor();
    const row = page.locator('.stack').getByRole('row', { name: /Umbrella/ });
    await row.waitFor();
    expect(await row.innerText()).toMatch(/reader, billing\s+active/);
    await row.getByRole('button', { name: 'Remove' }).click();
    await status.getByText('The grant is removed.').waitFor();
    await row.waitFor({ state: 'detached' });
  });

  it('grants a project to all organizations, tells how far it is, and stops when it is told to', async () => {
    const page = await open();
    await signIn(page, 'Olga');
    const all = page.getByRole('button', { name: 'Grant it to all organizations' });
    const text = page.locator('#progress-text');
    await page.getByLabel('Roles', { exact: true }).fill('reader writer');
    await all.click();
    await text.getByText(/^[1-9] of 10 organizations$/).waitFor();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await text.getByText(/^Stopped: what has begun still ends\. \d+ of 10: /).waitFor();
    await all.click();
    await text.getByText(/^10 of 10: .*as they were\.$/).waitFor();
    expect(await page.evaluate(`document.getElementById('progress-bar').value`)).toBe(10);
    await page
      .locator('.stack')
      .getByRole('row', { name: /Depot Bruges/ })
      .waitFor();

    await page.getByLabel('Roles', { exact: true }).fill('nonsense');
    await all.click();
    await text.getByText('10 of 10: 10 failed.').waitFor();
    const troubles = page.locator('#grant-troubles');
    await troubles.getByText(/Globex Logistics \(\d+\): ZITADEL refused it/).waitFor();
    expect(await troubles.locator('li').count()).toBe(10);
  });

  it('keeps a grantee that was typed when another project is chosen', async () => {
    const page = await open();
    await signIn(page, 'Ines');
    const grantee = page.getByLabel('Grant it to', { exact: true });
    await grantee.selectOption('Another id …');
    const id = page.getByLabel('Grant it to: the id');
    await id.fill('372000000000000001');
    for (const project of ['Fleet map', 'Customer portal', 'Another id …']) {
      await page.locator('#grant-project').selectOption(project);
      expect([await grantee.inputValue(), await id.inputValue()]).toEqual([
        'other',
        '372000000000000001',
      ]);
      expect(await id.isVisible()).toBe(true);
    }
  });

  it('keeps its tables in their columns, however wide the page is', async () => {
    const page = await open();
    await signIn(page, 'Olga');
    await page.locator('#grants-rows tr').first().waitFor();
    for (const width of [1280, 1180, 720, 400]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await overflow(page), String(width)).toBe(0);
      const tables = `[...document.querySelectorAll('table.stack')]`;
      const tooWide = 'table.scrollWidth - table.parentElement.clientWidth';
      expect(await page.evaluate(`${tables}.map((table) => ${tooWide})`)).toEqual([0, 0]);
    }
  });

  describe('on a ZITADEL that tells only what the reader holds', () => {
    let real: Awaited<ReturnType<typeof startOnZitadel>>;
    beforeAll(async () => {
      real = await startOnZitadel();
    });
    afterAll(() => real.stop());

    async function signedIn(token: string): Promise<readonly [Page, string[]]> {
      const page = await open({}, real.sample);
      const asked: string[] = [];
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
      await page.evaluate(`sessionStorage.setItem('sample.token', ${JSON.stringify(token)})`);
      await page.reload();
      await page.getByText('Signed in as').waitFor();
      return [page, asked];
    }

    it('asks about nothing while nothing is chosen, and says what is missing', async () => {
      const { zitadel } = real;
      const nobody = zitadel.addUser('nobody');
      const [page, asked] = await signedIn(zitadel.tokenFor(nobody));
      await page.getByText('Choose a project and its owner to see its grants.').waitFor();

      const title = 'A project, with the right owner';
      await page.getByLabel('Route', { exact: true }).selectOption(title);
      await page.getByRole('button', { name: 'Send the request' }).click();
      await page.locator('#answer').getByText('Not sent: it needs an id').waitFor();
      await page
        .locator('#target-org-error')
        .getByText('Type the id of an organization.')
        .waitFor();
      await page.locator('#target-project-error').getByText('Type the id of a project.').waitFor();
      await page.getByRole('button', { name: 'Grant the project' }).click();
      await page.locator('#grant-to-error').getByText('Type the id').waitFor();
      expect(asked.filter((path) => /^\/api\/(try|orgs)/.test(path))).toEqual([]);

      await page.getByLabel('Organization: the id').fill(zitadel.rootOrg.id);
      expect(await callRoute(page, 'An organization')).toContain('403 Forbidden');
      // Reasons name what belongs to others.
      expect(await stepsOf(page)).toEqual(stopping('decision'));
      expect(await page.locator('#next').innerText()).toBe('');
    });

    it('never offers to grant a project to its owner', async () => {
      const { zitadel, acme } = real;
      const owner = zitadel.addUser('owner', { org: acme });
      zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
      const [page] = await signedIn(zitadel.tokenFor(owner));
      const optionsOf = (label: string) =>
        page.getByLabel(label, { exact: true }).locator('option').allInnerTexts();
      await expect.poll(() => optionsOf('Owned by')).toEqual(['acme', 'Another id …']);
      expect(await optionsOf('Grant it to')).toEqual(['Another id …']);
    });

    it('speaks of no button that is not there', async () => {
      const [page] = await signedIn(real.token);
      const text = await page.locator('main').innerText();
      expect(text).toContain('Forget me');
      expect(text).not.toMatch(/Take a role away|Break ZITADEL|Give them back/);
    });
  });

  it('shows a hostile name literally, and nothing of it runs', async () => {
    const page = await open({ colorScheme: 'dark' });
    await signIn(page, 'Hal');
    const name = await page
      .getByRole('row', { name: /ORG_OWNER/ })
      .locator('.name')
      .textContent();
    expect(name).toBe(HOSTILE_NAME);
    expect(await callRoute(page, 'An organization')).toContain('<img src=x onerror=alert(1)>');
    await page.locator('#decisions').getByText('<img src=x onerror=alert(1)>').first().waitFor();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(1);
  });

  it('can be signed in to, and used, with the keyboard alone', async () => {
    const page = await open();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Sign in with ZITADEL');
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe(
      'solid',
    );
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toContain('Ines');
    await page.keyboard.press('Enter');
    await page.getByText('Signed in as Ines').waitFor();
    await tabTo(page, 'Route');
    await page.keyboard.type('The whole');
    await tabTo(page, 'Send the request');
    await page.keyboard.press('Enter');
    await page.locator('#answer').getByText('200 OK').waitFor();
    expect(await focused(page)).toBe('Send the request');
  });

  it('leads the keyboard through all of it, forth and back, and shows where it is', async () => {
    const page = await open({ reducedMotion: 'reduce' });
    await page.getByLabel('Sent by').selectOption('Nils');
    await callRoute(page, 'An organization');
    // From the top.
    await page.mouse.click(2, 2);
    const stops: string[] = [];
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      const [name, outline] = await page.evaluate<[string, string]>(
        `[${FOCUSED}, getComputedStyle(document.activeElement).outlineStyle]`,
      );
      if (await page.evaluate('document.activeElement === document.body')) break;
      stops.push(name);
      expect([name, outline]).toEqual([name, 'solid']);
    }
    const reachable = await page.evaluate<number>(
      `[...document.querySelectorAll('a, button, select, input, [tabindex="0"]')]
        .filter((each) => each.checkVisibility() && !(each.type === 'radio' && !each.checked)).length`,
    );
    expect(stops).toHaveLength(reachable);
    expect(stops).toEqual(
      expect.arrayContaining([
        'Skip to the content',
        'Light or dark',
        'Sign in with ZITADEL',
        'Sent by',
        'Route',
        'Send the request',
        'Give Nils ORG_OWNER on Acme Robotics, and send again',
        'The matrix',
        'GET /api/try/grants/:grantId',
      ]),
    );
    for (const name of stops.toReversed()) {
      await page.keyboard.press('Shift+Tab');
      expect(await focused(page)).toBe(name);
    }
  });

  it('fits a phone of 360 pixels, also when nobody is signed in', async () => {
    const page = await open({}, sample, { width: 360, height: 740 });
    expect(await overflow(page)).toBe(0);
    await page.getByLabel('Sent by').selectOption('Nils');
    await callRoute(page, 'One of two roles, from a header');
    expect(await overflow(page)).toBe(0);
    // What is wider scrolls in a box of its own.
    const { scrolls, reaches } = await page.evaluate<{ scrolls: boolean; reaches: boolean }>(
      `(() => {
        const box = document.querySelector('.scroll');
        return { scrolls: box.scrollWidth > box.clientWidth, reaches: box.tabIndex === 0 };
      })()`,
    );
    expect({ scrolls, reaches }).toEqual({ scrolls: true, reaches: true });
    await signIn(page, 'Max');
    for (const title of ['An organization', 'The whole instance', 'A project grant']) {
      await callRoute(page, title);
    }
    expect(await overflow(page)).toBe(0);
  });

  it('breaks no rule of accessibility, in light and dark', async () => {
    const page = await open({ reducedMotion: 'reduce' });
    const looksAt = async (...widths: number[]) => {
      for (const width of widths) {
        await page.setViewportSize({ width, height: 900 });
        for (const colorScheme of COLOR_SCHEMES) {
          await page.emulateMedia({ colorScheme });
          expect(await violations(page), `${colorScheme}, ${String(width)}`).toEqual([]);
        }
      }
    };
    await page.getByLabel('Sent by').selectOption('Nils');
    await callRoute(page, 'One of two roles, from a header');
    await looksAt(1360, 360);
    await signIn(page, 'Max');
    await callRoute(page, 'An organization');
    await page.getByRole('button', { name: /^Take away ORG_USER_MANAGER / }).click();
    await page.getByText('This app still remembers').waitFor();
    await looksAt(360);
    await page.getByRole('button', { name: 'Break ZITADEL' }).click();
    await page.getByRole('button', { name: 'Mend ZITADEL' }).waitFor();
    await callRoute(page, 'The whole instance');
    await looksAt(1360);
    await page.evaluate(MEND);
    // After failures ZITADEL is left alone for a second.
    await expect.poll(() => callRoute(page, 'An organization')).toContain('200 OK');
    await page.getByRole('button', { name: 'Give them back' }).click();
    await page
      .locator('.stack')
      .getByRole('row', { name: /ORG_USER_MANAGER/ })
      .waitFor();
  });

  it('is dark where the reader prefers that, and light otherwise', async () => {
    const page = await open({ reducedMotion: 'reduce' });
    await signIn(page, 'Max');
    await callRoute(page, 'An organization');
    await callRoute(page, 'The whole instance');
    const lightness: number[] = [];
    for (const colorScheme of COLOR_SCHEMES) {
      await page.emulateMedia({ colorScheme });
      const color = await page.evaluate<string>(
        'getComputedStyle(document.documentElement).backgroundColor',
      );
      lightness.push(Math.max(...(color.match(/\d+/g) ?? []).map(Number)));
    }
    expect(lightness[0]).toBeGreaterThan(230);
    expect(lightness[1]).toBeLessThan(40);
  });

  it('is light where the reader says so, also after a reload', async () => {
    const page = await open({ colorScheme: 'dark' });
    const scheme = () => page.evaluate('getComputedStyle(document.documentElement).colorScheme');
    await page.getByRole('button', { name: 'Light or dark' }).click();
    expect(await scheme()).toBe('light');
    await page.reload();
    expect(await scheme()).toBe('light');
    await page.getByRole('button', { name: 'Light or dark' }).click();
    expect(await scheme()).toBe('dark');
    await page.evaluate('localStorage.clear()');
  });

  it('follows a request that is let in, without signing in, and says how old each thing is', async () => {
    const page = await open();
    await page.getByLabel('Sent by').selectOption('Olga');
    expect(await callRoute(page, 'An organization')).toContain('200 OK');
    expect(await stepsOf(page)).toEqual(STEPS.map((step) => `${step} passed`));
    const path = page.locator('#path');
    const first = await path.innerText();
    expect(first).toMatch(/Olga \(\d+\)\. The token is valid/);
    expect(first).toMatch(/issued (just now|\d+ seconds? ago), ends in 12 hours/);
    expect(first).toMatch(/ORG_OWNER on Acme Robotics\s+read for this request, counts for \d+ s/);
    expect(first).toContain("@RequireRole(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'))");
    expect(first).toMatch(/ORG_OWNER \| ORG_OWNER_VIEWER on org Acme Robotics \(\d+\)\./);
    expect(first).toMatch(/Let in by ORG_OWNER on Acme Robotics\.\s+made [\d.]+ ms after/);
    await callRoute(page, 'An organization');
    expect(await path.innerText()).toMatch(
      /remembered: read (just now|\d+ seconds? ago), counts for/,
    );
    await callRoute(page, 'Open to everybody');
    expect(await path.innerText()).toContain('Not looked at.');
  });

  it.each([
    ['none', 'Olga', 'An organization', 'token', /Without a token nobody knows who asks/],
    ['forged', 'Olga', 'An organization', 'caller', /Somebody else could have made this token/],
    [
      'valid',
      'Nils',
      'An organization',
      'decision',
      /Any one of these rows would have let it in:\s+ORG_OWNER or ORG_OWNER_VIEWER on Acme Robotics[^]*IAM_ORG_MANAGER, IAM_OWNER_VIEWER or IAM_OWNER on the instance/,
    ],
    [
      'valid',
      'Petra',
      'A permission, as ZITADEL itself evaluates it',
      'decision',
      /ORG_USER_MANAGER or ORG_OWNER on Acme Robotics/,
    ],
  ] as const)(
    'says where a request with a token that is %s, of %s, is stopped, and why: %s',
    async (token, who, title, step, why) => {
      const page = await open();
      await page.getByLabel('Sent by').selectOption(who);
      await page.getByLabel(token, { exact: true }).check();
      const answer = await callRoute(page, title);
      expect(await stepsOf(page)).toEqual(stopping(step));
      const said = await page.locator('#next').innerText();
      expect(said).toMatch(why);
      // The refusal itself has none of it.
      expect(answer).not.toMatch(why);
    },
  );

  it('says that no row would have helped where the owner is wrong', async () => {
    const page = await open();
    await page.getByLabel('Sent by').selectOption('Ines');
    await page.getByLabel('Route', { exact: true }).selectOption('A project, with the right owner');
    await page.getByLabel('Project', { exact: true }).first().selectOption('Fleet map');
    await page.getByRole('button', { name: 'Send the request' }).click();
    await page.locator('#next h3').waitFor();
    expect(await page.locator('#next').innerText()).toMatch(
      /Fleet map \(\d+\) belongs to organization Globex Logistics .* No row would have helped\./,
    );
  });

  it('gives the row that was missing, and takes it back', async () => {
    const page = await open();
    await page.getByLabel('Sent by').selectOption('Nils');
    await callRoute(page, 'A project, with the right owner');
    await page.getByRole('button', { name: /^Give Nils PROJECT_OWNER on Customer portal/ }).click();
    await page.locator('#answer').getByText('200 OK').waitFor();
    expect(await page.locator('#path').innerText()).toContain(
      'Let in by PROJECT_OWNER on Customer',
    );
    await page.getByRole('button', { name: 'Take back what was given' }).click();
    await page.locator('#answer').getByText('What was given is taken back.').waitFor();
    expect(await callRoute(page, 'A project, with the right owner')).toContain('403 Forbidden');
  });

  it('takes away the role that let a request in, and draws how both instances follow', async () => {
    const page = await open();
    await page.getByLabel('Sent by').selectOption('Gwen');
    await callRoute(page, 'A project grant');
    await page.getByRole('button', { name: /^Take PROJECT_GRANT_OWNER .* from Gwen$/ }).click();
    const next = page.locator('#next');
    await next.getByText(/Both instances refuse: the first after \d+ ms, the second/).waitFor();
    expect(await next.innerText()).toMatch(
      /First instance\s+refuses after \d+ ms: ZITADEL told it\s+Second instance\s+refuses after \d+ ms: the first told it/,
    );
    await page.getByRole('button', { name: 'Give it back' }).click();
    await next.getByText('The roles are back.').waitFor();
    await page.getByRole('button', { name: 'Forget me' }).click();
    await page.getByText('Forgotten.').waitFor();
    expect(await callRoute(page, 'A project grant')).toContain('200 OK');
  });

  it('shows a role that the app remembers and ZITADEL has taken away', async () => {
    const page = await open();
    await signIn(page, 'Otto');
    await callRoute(page, 'An organization');
    await page.getByRole('button', { name: /^Take away ORG_OWNER_VIEWER / }).click();
    await page.getByText('You hold no manager role.').waitFor();
    expect(await callRoute(page, 'An organization')).toContain('200 OK');
    expect(await page.locator('#path').innerText()).toContain(
      'ZITADEL has taken away ORG_OWNER_VIEWER on Acme Robotics since. The app does not know it yet.',
    );
    await page.getByRole('button', { name: 'Give them back' }).click();
    await page
      .locator('.stack')
      .getByRole('row', { name: /ORG_OWNER_VIEWER/ })
      .waitFor();
  });

  it('shows in its matrix what the app says of itself, and takes a route over from there', async () => {
    const page = await open();
    const { roles, routes } = (await (await fetch(`${sample.url}/api/access`)).json()) as {
      roles: string[];
      routes: { name: string; opens: Record<string, string> }[];
    };
    const shown = await page
      .locator('#matrix-rows')
      .evaluate((body: unknown) =>
        [...(body as { rows: Iterable<MatrixRow> }).rows].map(({ dataset, cells }) => [
          dataset['route'],
          [...cells]
            .slice(1)
            .flatMap(({ dataset: { role }, firstElementChild: mark }) =>
              mark?.dataset['how'] === undefined ? [] : [`${String(role)} ${mark.dataset['how']}`],
            ),
        ]),
      );
    const asked = routes.filter(({ opens }) => Object.keys(opens).length > 0);
    expect(shown).toEqual(
      asked.map(({ name, opens }) => [
        name,
        roles.filter((role) => opens[role]).map((role) => `${role} ${String(opens[role])}`),
      ]),
    );
    await page.getByRole('button', { name: 'GET /api/try/instance' }).click();
    expect(await page.getByLabel('Route', { exact: true }).inputValue()).toBe('The whole instance');
    expect(await focused(page)).toBe('Route');
  });
});

/** What axe finds, with the rule that a name begins with what stands on the button. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const rules = `{ 'label-content-name-mismatch': { enabled: true } }`;
  return page.evaluate<string[]>(
    `axe.run({ rules: ${rules} }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ' ' + target.join(' '))))`,
  );
}

/** On a slow machine the outage may have ended by itself. */
const MEND = `((button) => {
  if (button.textContent === 'Mend ZITADEL') button.click();
})(document.getElementById('outage'))`;

interface MatrixRow {
  readonly dataset: Record<string, string>;
  readonly cells: Iterable<{
    readonly dataset: Record<string, string>;
    readonly firstElementChild: { readonly dataset: Record<string, string> } | null;
  }>;
}

/** The name of what the focus is on. */
const FOCUSED = `(({ ariaLabel, ariaLabelledByElements, labels, textContent }) =>
  (ariaLabel ?? ariaLabelledByElements?.[0]?.textContent ?? labels?.[0]?.textContent ?? textContent)
    .trim().replace(/\\s+/g, ' '))(document.activeElement)`;

/** What the focus is on, by its name. */
function focused(page: Page): Promise<string> {
  return page.evaluate(FOCUSED);
}

async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    if ((await focused(page)) === name) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`no Tab leads to ${name}`);
}

/** By how many pixels the page is wider than the window. */
function overflow(page: Page): Promise<number> {
  const root = 'document.documentElement';
  return page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`);
}
