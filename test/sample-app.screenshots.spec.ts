import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const { fingerprint, fingerprintFile, images } = (await import(
  new URL('setup/screenshots.mjs', import.meta.url).href
)) as { fingerprint: () => string; fingerprintFile: string; images: string };

describe('the pictures of the page', () => {
  it('are of the page as it is: else run node test/setup/screenshots.mjs, and look at them', () => {
    expect(readFileSync(fingerprintFile, 'utf8')).toBe(fingerprint());
  });

  it('are few and small', () => {
    const pictures = readdirSync(images).filter((name) => name.endsWith('.png'));
    expect(pictures).toHaveLength(4);
    for (const name of pictures) {
      expect(statSync(join(images, name)).size, name).toBeLessThan(150_000);
    }
  });
});
