import { chromium, type Browser } from 'playwright-core';

/** Specs that need Chromium run if this is set; the check says so where it is not. */
export const chromiumIsHere = (process.env['CHROMIUM'] ?? '') !== '';

/** A real Chromium without a window, that talks to nobody but the pages it is sent to. */
export function launchChromium(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'];
  if (executablePath === undefined || executablePath === '') throw new Error('CHROMIUM is not set');
  return chromium.launch({
    executablePath,
    headless: true,
    timeout: 120_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // To begin a process costs more than most pages.
      '--process-per-site',
    ],
  });
}
