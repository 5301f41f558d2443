// Part of the package check: what users cannot import must not stand in signatures, or a compiler that writes declarations stops at what they
// infer from it.
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './run.mjs';

/** Which types stand in the signatures that the entries offer, and are offered by none. Lines, an empty text for nothing. */
export function unnamedInSignatures(entries) {
  const program = ts.createProgram(
    entries.map((entry) => join(root, entry)),
    { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, skipLibCheck: true },
  );
  const checker = program.getTypeChecker();
  const resolved = (symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const offered = new Set(
    program
      .getRootFileNames()
      .map((file) => checker.getSymbolAtLocation(program.getSourceFile(file)))
      .flatMap((entry) => checker.getExportsOfModule(entry).map(resolved)),
  );
  const isOurs = (node) => node.getSourceFile().fileName.startsWith(join(root, 'dist'));
  const lines = new Set();
  const walk = (node, name) => {
    // What a class extends shows by its own members.
    if (ts.isHeritageClause(node)) return;
    if (ts.isTypeReferenceNode(node)) {
      const symbol = resolved(checker.getSymbolAtLocation(node.typeName));
      const isHidden = symbol.declarations?.some((each) => isOurs(each) && cannotBeInlined(each));
      if (isHidden && !offered.has(symbol)) lines.add(`${name} shows ${symbol.name}\n`);
    }
    node.forEachChild((child) => walk(child, name));
  };
  for (const { name, declarations = [] } of offered) {
    for (const each of declarations) if (isOurs(each)) walk(each, name);
  }
  return [...lines].join('');
}

/** Of a type that its own file keeps to itself, the compiler writes what it stands for. It cannot do so with interfaces and classes. */
function cannotBeInlined(declaration) {
  if (ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration)) return true;
  const { modifiers = [] } = declaration;
  return (
    ts.isTypeAliasDeclaration(declaration) &&
    modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  );
}
