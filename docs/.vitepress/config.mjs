// The site of these pages: `npm run docs` serves it. The pages are written for GitHub as well, so they link to each other by
// their files, and the root of the repository is the root of the site.
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';

/** Every page, in an order in which one can read them. A page that is not there is left out. */
export const SIDEBAR = [
  ['Begin', ['README', 'docs/first-steps', 'docs/guide', 'docs/callers', 'docs/requirements']],
  [
    'In your application',
    [
      'docs/recipes',
      'docs/graphql',
      'docs/gateways-and-messages',
      'docs/several-instances',
      'docs/granting-projects',
      'docs/openapi',
      'docs/testing',
      'docs/emulator-command',
    ],
  ],
  [
    'The command',
    ['docs/command', 'docs/doctor', 'docs/token', 'docs/explain', 'docs/review-authorization'],
  ],
  ['In production', ['docs/fleet', 'docs/telemetry', 'docs/health', 'docs/performance']],
  ['Look up', ['docs/options', 'docs/errors', 'docs/compatibility', 'docs/migration', 'CHANGELOG']],
  ['Security', ['docs/security-model', 'SECURITY']],
];

/** The anchor of a heading, as GitHub makes it. */
export const anchorOf = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

const root = new URL('../../', import.meta.url);
const fileOf = (page) => new URL(`${page}.md`, root);

const sidebar = SIDEBAR.map(([text, pages]) => ({
  text,
  items: pages.filter((page) => existsSync(fileOf(page))).map(itemOf),
})).filter(({ items }) => items.length > 0);

function itemOf(page) {
  if (page === 'README') return { text: 'What it is', link: '/' };
  const [, heading] = /^# (.*)$/m.exec(readFileSync(fileOf(page), 'utf8')) ?? [];
  return { text: heading.replaceAll('`', ''), link: `/${page}` };
}

/** What a user imports, by the name that TypeDoc gives to its file. */
export const entryNamed = (name) =>
  name === 'index' ? 'nestjs-zitadel' : `nestjs-zitadel/${name}`;

/** TypeDoc writes it. Without the reference the site has no entry for it. */
const reference = new URL('docs/api/typedoc-sidebar.json', root);
if (existsSync(reference)) {
  const items = JSON.parse(readFileSync(reference, 'utf8')).map((entry) => ({
    ...entry,
    text: entryNamed(entry.text),
  }));
  sidebar.push({ text: 'API reference', link: '/docs/api/', collapsed: true, items });
}

export default {
  title: 'nestjs-zitadel',
  description: 'Authorization by ZITADEL manager roles for NestJS and Express.',
  lang: 'en',
  srcDir: '..',
  outDir: '../.build/site',
  cacheDir: '../.build/site-cache',
  rewrites: { 'README.md': 'index.md' },
  // Pages of the repository that are not for users, and what is no page.
  srcExclude: ['ARCHITECTURE.md', 'CONTRIBUTING.md', '{lib,test,sample-app,.*}/**'],
  markdown: { anchor: { slugify: anchorOf } },
  // The index of the search is one large file.
  vite: { build: { chunkSizeWarningLimit: 10_000 } },
  // What pages offer for download.
  buildEnd({ outDir }) {
    for (const name of readdirSync(new URL('docs/', root))) {
      if (/\.(json|ya?ml)$/.test(name)) {
        copyFileSync(new URL(`docs/${name}`, root), `${outDir}/docs/${name}`);
      }
    }
  },
  themeConfig: {
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    nav: [{ text: 'API reference', link: '/docs/api/' }],
  },
};
