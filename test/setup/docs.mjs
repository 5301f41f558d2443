// npm run docs:options: writes the page about the options from the docstrings of the options.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'oxfmt';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const page = join(root, 'docs', 'options.md');

const BEGINNING = `<!-- Written by \`npm run docs:options\` from the docstrings in lib/options.ts. Change them there. -->

# Options

What \`ZitadelModule.forRoot(options)\` and \`createZitadel(options)\` take. Every wrong option throws \`ZitadelOptionsError\` before
anything is built. The error names the option, what it got and what to write. An option that is \`undefined\` is wrong too: leave it out.
`;

/** The whole page. */
export async function optionsPage() {
  const options = membersOf('lib/options.ts', 'ZitadelOptions');
  const ofNest = membersOf('lib/nest/zitadel.module-definition.ts', 'ApplicationOptions');
  const ofSeveral = membersOf('lib/instances-option.ts', 'SeveralInstances');
  const ofJwt = membersOf('lib/callers.ts', 'JwtSettings');
  const rows = [...options, ...ofSeveral, ...ofNest].map(rowOf).join('\n');
  const text = [
    BEGINNING,
    `| option | default |\n| --- | --- |\n${rows}`,
    '## In Nest and in Express',
    ...options.map(sectionOf),
    ...ofSeveral.map(sectionOf),
    '## Only in Nest',
    ...ofNest.map(sectionOf),
    '`isGlobal: false` beside the options makes the module one that other modules must import. The default is `true`. `name` makes it another ZITADEL beside the one without a name: see [several instances](several-instances.md#routes-of-their-own).',
    '## Settings of `jwt()`',
    ...ofJwt.map(sectionOf),
  ].join('\n\n');
  return (await format(page, text)).code;
}

/** The properties of an interface, those of an object inside it by their path. */
function membersOf(file, name) {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), 99, true);
  const found = source.statements.find(
    (each) => ts.isInterfaceDeclaration(each) && each.name.text === name,
  );
  if (!found) throw new Error(`${file} has no interface ${name}`);
  return found.members.flatMap((member) => described(member, '', source));
}

function described(member, prefix, source) {
  const name = prefix + member.name.getText(source);
  const [text, tags] = docstringOf(member, source);
  if (ts.isTypeLiteralNode(member.type) && text === '') {
    return member.type.members.flatMap((inner) => described(inner, `${name}.`, source));
  }
  const isRequired = member.questionToken === undefined;
  const [fallback] = tags.default ?? [];
  if (text === '') throw new Error(`${name} has no docstring`);
  if (!isRequired && fallback === undefined) throw new Error(`${name} names no @default`);
  // What several forms of an option share stands beside them.
  const shared = ts.isIntersectionTypeNode(member.type) ? member.type.types : [];
  const inner = shared
    .filter(ts.isTypeLiteralNode)
    .flatMap(({ members }) => members.flatMap((each) => described(each, `${name}.`, source)));
  return [{ name, text, isRequired, fallback, refused: tags.throws ?? [] }, ...inner];
}

/** The text of a docstring, and its tags. */
function docstringOf(member, source) {
  const [range] = ts.getLeadingCommentRanges(source.text, member.pos) ?? [];
  const comment = range ? source.text.slice(range.pos, range.end) : '';
  const plain = comment.replace(/^\/\*\*/, '').replace(/\*\/$/, '');
  const lines = plain.split('\n').map((line) => line.trim().replace(/^\*\s?/, ''));
  const [text, ...tagged] = lines.join(' ').split(/\s@(?=default|throws|example)/);
  const tags = {};
  for (const each of tagged) {
    const [name, ...words] = each.trim().split(' ');
    (tags[name] ??= []).push(words.join(' '));
  }
  return [text.trim(), tags];
}

const PROSE = /^(none|the |Nest's )/;

function defaultOf({ isRequired, fallback, name }) {
  if (name === 'instances') return 'none';
  if (isRequired) return 'required';
  if (name === 'cache.maxBytes') return `\`${fallback}\` (${Number(fallback) / 2 ** 20} MiB)`;
  return PROSE.test(fallback) ? fallback : `\`${fallback}\``;
}

const anchorOf = (name) => name.toLowerCase().replaceAll('.', '');

const rowOf = (option) =>
  `| [\`${option.name}\`](#${anchorOf(option.name)}) | ${defaultOf(option)} |`;

function sectionOf(option) {
  const refused = option.refused.map(
    (each) => `Throws ${each.replace('ZitadelOptionsError', '`ZitadelOptionsError`')}.`,
  );
  const fallback =
    option.isRequired && option.name !== 'instances'
      ? 'Required.'
      : `Default: ${defaultOf(option)}.`;
  return [`### \`${option.name}\``, option.text, fallback, ...refused].join('\n\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(page, await optionsPage());
}
