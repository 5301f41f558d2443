// npm run docs: serves the pages as a site, with an API reference from the docstrings. `--build` writes it to .build/site instead.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.mjs';

// Its tools are a quarter of all there is to install, and nothing else needs them: they are installed here.
const site = join(root, 'docs', '.vitepress');
const tool = (name) => join(site, 'node_modules', '.bin', name);
const WRITTEN = join(root, 'docs', 'api', 'typedoc-sidebar.json');

if (!existsSync(tool('vitepress'))) {
  console.log('Installing what writes the site');
  const { ok } = await run('npm', ['ci', '--loglevel=error'], {
    cwd: site,
    show: true,
    quietMs: 0,
  });
  if (!ok) process.exit(1);
}
if (isOlder(WRITTEN)) {
  console.log('Writing the API reference (about a minute)');
  rmSync(join(root, 'docs', 'api'), { recursive: true, force: true });
  const { ok, output } = await run(tool('typedoc'), ['--logLevel', 'Warn'], { cwd: site });
  if (!ok || output !== '') {
    console.error(output);
    process.exit(1);
  }
}
const isBuild = process.argv.includes('--build');
const { code } = await run(tool('vitepress'), [isBuild ? 'build' : 'dev', 'docs'], {
  show: true,
  keys: true,
  quietMs: 0,
});
process.exitCode = code;

/** Whether a source was changed since the file was written. */
function isOlder(file) {
  if (!existsSync(file)) return true;
  const { mtimeMs } = statSync(file);
  const sources = readdirSync(join(root, 'lib'), { recursive: true }).map((name) =>
    join(root, 'lib', name),
  );
  return [...sources, join(site, 'typedoc.config.mjs')].some(
    (each) => statSync(each).mtimeMs > mtimeMs,
  );
}
