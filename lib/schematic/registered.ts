import { posix } from 'node:path';
import type ts from 'typescript';
import { textIn, type Tree, type TypeScript } from './project.js';

/** The files in which ZitadelModule is registered, and the guard bound to the whole application. */
export interface Registered {
  readonly module?: string;
  readonly guard?: string;
}

/** Looks into every file that these reach by their imports. */
export function findRegistered(
  typescript: TypeScript,
  tree: Tree,
  from: readonly string[],
  sourceRoot: string,
): Registered {
  const found: { module?: string; guard?: string } = {};
  const files = new Set(from);
  // A set hands out what is added meanwhile.
  for (const path of files) {
    const text = textIn(tree, path);
    if (text === undefined) continue;
    const source = typescript.createSourceFile(path, text, typescript.ScriptTarget.Latest, true);
    const look = (node: ts.Node): void => {
      if (registers(typescript, node)) found.module ??= path;
      if (guards(typescript, node)) found.guard ??= path;
      typescript.forEachChild(node, look);
    };
    look(source);
    for (const statement of source.statements) {
      const isLink =
        typescript.isImportDeclaration(statement) || typescript.isExportDeclaration(statement);
      const name = isLink ? statement.moduleSpecifier : undefined;
      if (!name || !typescript.isStringLiteral(name)) continue;
      const next = fileOf(tree, name.text, posix.dirname(path), sourceRoot);
      if (next !== undefined) files.add(next);
    }
  }
  return found;
}

/** `ZitadelModule.forRoot(...)`, without a name: the guard and the decorators are about that one. */
function registers(typescript: TypeScript, node: ts.Node): boolean {
  return (
    typescript.isCallExpression(node) &&
    /^ZitadelModule\s*\.\s*forRoot(?:Async)?$/.test(node.expression.getText()) &&
    !node.arguments.some(
      (each) =>
        typescript.isObjectLiteralExpression(each) &&
        each.properties.some(({ name }) => name && /^['"]?name['"]?$/.test(name.getText())),
    )
  );
}

/** `{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }`, or `app.useGlobalGuards(app.get(ZitadelManagerGuard))` */
function guards(typescript: TypeScript, node: ts.Node): boolean {
  const text = /\bZitadelManagerGuard\b/;
  if (typescript.isCallExpression(node)) {
    const isGlobal = /\.\s*useGlobalGuards$/.test(node.expression.getText());
    return isGlobal && node.arguments.some((each) => text.test(each.getText()));
  }
  return (
    typescript.isObjectLiteralExpression(node) &&
    node.properties.some((each) => /^['"]?provide['"]?\s*:\s*APP_GUARD$/.test(each.getText())) &&
    node.properties.some((each) => text.test(each.getText()))
  );
}

/** A file of the application, by the name under which another one imports it. */
function fileOf(tree: Tree, name: string, folder: string, sourceRoot: string): string | undefined {
  const places = name.startsWith('.')
    ? [posix.join(folder, name)]
    : [posix.normalize(name), posix.join(sourceRoot, name)];
  return places
    .filter((place) => !place.startsWith('..'))
    .map((place) => place.replace(/\.js$/, ''))
    .flatMap((place) => [`${place}.ts`, `${place}/index.ts`])
    .find((file) => tree.exists(file));
}
