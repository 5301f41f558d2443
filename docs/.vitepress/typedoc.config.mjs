// The API reference of the site, one part an entry of the package: `npm run docs` writes it.
import { entryNamed } from './config.mjs';

export default {
  plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme'],
  entryPoints: ['', 'express/', 'testing/', 'swagger/', 'opentelemetry/', 'terminus/'].map(
    (entry) => `../../lib/${entry}index.ts`,
  ),
  sortEntryPoints: false,
  tsconfig: '../../tsconfig.json',
  out: '../api',
  docsRoot: '../..',
  readme: 'none',
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  entryFileName: 'index',
  pageTitleTemplates: { index: 'API reference', module: ({ name }) => entryNamed(name) },
  skipErrorChecking: true,
  // Types that only other types are made of have no page.
  validation: { notExported: false, invalidLink: true },
  treatWarningsAsErrors: true,
};
