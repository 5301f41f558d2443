// node test/setup/screenshots.mjs: takes the pictures of the sample app's page for README and docs. Needs Chromium, named by CHROMIUM, and
// what `npm start` builds. What differs each time (ids, milliseconds) is written over, so that the same page gives the same pictures.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const images = join(root, 'docs', 'images');
/** From what the pictures were taken. */
export const fingerprintFile = join(images, 'page.sha256');

/** A fingerprint of all that the pictures show: the page, what it says of people and things, and this script. */
export function fingerprint() {
  const page = readdirSync(join(root, 'sample-app', 'public')).sort();
  const files = page.map((name) => join('sample-app', 'public', name));
  const hash = createHash('sha256');
  for (const file of [...files, 'sample-app/seed.ts', 'test/setup/screenshots.mjs']) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return `${hash.digest('hex')}\n`;
}

/** Around what is shown. */
const EDGE = 14;

const FONTS = `:root {
  --serif: 'DejaVu Serif', serif;
  --sans: 'DejaVu Sans', sans-serif;
  --mono: 'DejaVu Sans Mono', monospace;
}`;

/** Runs in the page. */
const WRITE_OVER = `(() => {
  const ids = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    node.data = node.data
      .replace(/\\b\\d{15,20}\\b/g, (id) => {
        if (!ids.has(id)) ids.set(id, '37241853100000' + String(1001 + ids.size));
        return ids.get(id);
      })
      .replace(/issued (just now|\\d+ seconds? ago)/, 'issued just now')
      .replace(/counts for \\d+ seconds?/, 'counts for 30 seconds')
      .replace(/just now\\. Answered in \\d+ ms/, 'just now. Answered in 9 ms')
      .replace(/made [\\d.]+ ms/, 'made 6.2 ms')
      .replace(/after \\d+ ms: ZITADEL|the first after \\d+ ms/g, (text) => text.replace(/\\d+/, '412'))
      .replace(/after \\d+ ms: the first/, 'after 415 ms: the first')
      .replace(/the second after \\d+ ms/, 'the second after 415 ms');
  }
  const bars = document.querySelectorAll('.bar');
  bars.forEach((bar, index) => (bar.style.width = index === 0 ? '99%' : '100%'));
  document.activeElement.blur();
  scrollTo(0, 0);
})()`;

async function startSample() {
  const child = spawn(process.execPath, [join(root, '.build', 'sample-app', 'main.js')], {
    cwd: root,
    env: { PATH: process.env.PATH, NO_COLOR: '1', PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const url = await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const address = /nestjs-zitadel sample: open (http:\S+)\n/.exec(output)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once('close', () => reject(new Error(`the sample does not start:\n${output}`)));
  });
  return { url, stop: () => child.kill('SIGINT') };
}

async function takeAll() {
  const { chromium } = await import('playwright-core');
  const sample = await startSample();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none', '--disable-lcd-text'],
  });
  mkdirSync(images, { recursive: true });
  const open = async (colorScheme) => {
    const viewport = { width: 1200, height: 900 };
    const settings = { colorScheme, viewport, reducedMotion: 'reduce', bypassCSP: true };
    const page = await browser.newPage(settings);
    await page.goto(sample.url);
    await page.addStyleTag({ content: FONTS });
    await page.locator('#matrix-rows tr').first().waitFor();
    return page;
  };
  const send = async (page, who, title) => {
    await page.getByLabel('Sent by').selectOption(who);
    await page.getByLabel('Route', { exact: true }).selectOption(title);
    await page.getByRole('button', { name: 'Send the request' }).click();
    await page.locator('#next h3').waitFor();
  };
  const take = async (page, what, name) => {
    await page.evaluate(WRITE_OVER);
    const { x, y, width, height } = await page.locator(what).boundingBox();
    const clip = { x: x - EDGE, y: y - EDGE, width: width + 2 * EDGE, height: height + 2 * EDGE };
    await page.screenshot({ path: join(images, `${name}.png`), clip, fullPage: true });
  };

  const allowed = await open('light');
  await send(allowed, 'Olga', 'An organization');
  await take(allowed, '.bench', 'path-allowed');
  await allowed.getByRole('button', { name: /^Take ORG_OWNER/ }).click();
  await allowed.getByRole('button', { name: 'Give it back' }).waitFor();
  await take(allowed, '#next', 'two-instances');

  const refused = await open('dark');
  await send(refused, 'Nils', 'An organization');
  await take(refused, '.bench', 'path-refused');

  const matrix = await open('light');
  await take(matrix, '.matrix', 'matrix');

  await browser.close();
  sample.stop();
  writeFileSync(fingerprintFile, fingerprint());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await takeAll();
