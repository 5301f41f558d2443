import type ts from 'typescript';
import type { Registered, TypeScript } from './project.js';

/** What is written into the application's module. */
export const MODULE = `ZitadelModule.forRootAsync({
  useFactory: () => ({
    issuer: process.env.ZITADEL_ISSUER ?? '',
    audience: process.env.ZITADEL_PROJECT_ID ?? '',
  }),
})`;
export const GUARD = '{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }';
/** What it takes, and where that comes from. */
const PARTS = [
  {
    part: 'module',
    property: 'imports',
    element: MODULE,
    imports: [['ZitadelModule', 'nestjs-zitadel']],
  },
  {
    part: 'guard',
    property: 'providers',
    element: GUARD,
    imports: [
      ['APP_GUARD', '@nestjs/core'],
      ['ZitadelManagerGuard', 'nestjs-zitadel'],
    ],
  },
] as const;

/** A name, and the package that has it. */
type Import = (typeof PARTS)[number]['imports'][number];

/** The module's new text, the old one if all is there; or why it cannot be edited. */
type Edited =
  | { readonly text: string; readonly className: string; readonly why?: undefined }
  | { readonly why: string };

/** Registers the module and the guard in a file with an `@Module`. What is there already, or elsewhere, stays as it is. */
export function register(
  typescript: TypeScript,
  given: string,
  className: string | undefined,
  registered: Registered,
): Edited {
  const file = new ModuleFile(typescript, given.replaceAll('\r\n', '\n'), className);
  const missing = PARTS.filter(({ part }) => registered[part] === undefined);
  const [first] = file.problems(missing.map(({ property }) => property));
  if (first !== undefined) return { why: first };
  for (const { property, element } of missing) file.add(property, element);
  file.addImports(missing.flatMap(({ imports }): readonly Import[] => imports));
  const text = given.includes('\r\n') ? file.text.replaceAll('\n', '\r\n') : file.text;
  return { text, className: file.className };
}

/** The class of the application's module. Undefined if it is not to be told. */
export function classIn(
  typescript: TypeScript,
  text: string,
  wanted: string | undefined,
): string | undefined {
  return new ModuleFile(typescript, text, wanted).className || undefined;
}

/** The text is parsed again after each edit, so that no edit has to know of another. */
class ModuleFile {
  readonly #unit: string;

  constructor(
    readonly typescript: TypeScript,
    public text: string,
    readonly wanted: string | undefined,
  ) {
    this.#unit = /^(\t+| {2,})[^\s*]/m.exec(text)?.[1] ?? '  ';
  }

  get className(): string {
    return this.#decorated()[0]?.name?.text ?? '';
  }

  problems(properties: readonly string[]): readonly string[] {
    const classes = this.#decorated();
    if (classes.length === 0) return ['it has no class with @Module'];
    if (classes.length > 1) return ['it has several classes with @Module'];
    if (this.className === '') return ['its class has no name'];
    const metadata = this.#metadata();
    if (metadata === undefined) return ['what @Module takes is not written there as an object'];
    return properties
      .filter((name) => this.#property(metadata, name) && !this.#list(metadata, name))
      .map((name) => `${name} of @Module is not written there as a list`);
  }

  /** Adds an element to a list of the metadata, and the list if there is none. */
  add(property: string, lines: string): void {
    const element = lines.replaceAll('  ', this.#unit);
    const metadata = this.#metadata();
    if (!metadata) return;
    const list = this.#list(metadata, property);
    if (list) this.#append(list, list.elements, element);
    else {
      const inner = `\n${element}`.replaceAll('\n', `\n${this.#unit}`);
      this.#append(metadata, metadata.properties, `${property}: [${inner},\n]`);
    }
  }

  /** Imports what is not imported yet, below the imports of packages. */
  addImports(wanted: readonly Import[]): void {
    const { typescript } = this;
    this.#importAsValues(wanted.map(([name]) => name));
    const declarations = this.#source().statements.filter(typescript.isImportDeclaration);
    const known = new Set(declarations.flatMap((each) => this.#importedNames(each)));
    const quote = /from\s*(['"])/.exec(this.text)?.[1] ?? "'";
    const end = declarations.some((each) => !each.getText().endsWith(';')) ? '' : ';';
    const lines = ['@nestjs/core', 'nestjs-zitadel'].flatMap((from) => {
      const names = wanted.filter(([name, home]) => home === from && !known.has(name));
      if (names.length === 0) return [];
      const listed = names
        .map(([name]) => name)
        .sort()
        .join(', ');
      return [`import { ${listed} } from ${quote}${from}${quote}${end}\n`];
    });
    const ofPackages = declarations.filter(
      (each) => !/['"]\./.test(each.moduleSpecifier.getText()),
    );
    const last = (ofPackages.length > 0 ? ofPackages : declarations).at(-1);
    const at = last ? this.#lineAfter(last.end) : 0;
    this.text = this.text.slice(0, at) + lines.join('') + this.text.slice(at);
  }

  /** What is imported as a type alone has no value, and cannot be imported a second time. */
  #importAsValues(wanted: readonly string[]): void {
    const { typescript } = this;
    const declarations = this.#source().statements.filter(typescript.isImportDeclaration);
    for (const declaration of declarations.reverse()) {
      const { importClause: clause } = declaration;
      const bindings = clause?.namedBindings;
      if (!clause || !bindings || !typescript.isNamedImports(bindings)) continue;
      const isAsked = ({ name, isTypeOnly }: ts.ImportSpecifier) =>
        wanted.includes(name.text) && (isTypeOnly || clause.isTypeOnly);
      if (!bindings.elements.some(isAsked)) continue;
      const names = bindings.elements.map((each) => {
        const text = each.getText().replace(/^type\s+/, '');
        const isType = (each.isTypeOnly || clause.isTypeOnly) && !isAsked(each);
        return isType ? `type ${text}` : text;
      });
      const head = clause.name ? `${clause.name.text}, ` : '';
      const written = `import ${head}{ ${names.join(', ')} }`;
      this.text =
        this.text.slice(0, declaration.getStart()) + written + this.text.slice(bindings.end);
    }
  }

  /** Where the line after a statement begins. If another statement stands on its line, that gets one of its own. */
  #lineAfter(end: number): number {
    const next = this.#source().statements.find((each) => each.getStart() >= end);
    const line = this.text.indexOf('\n', end) + 1;
    if (!next || line === 0 || next.getStart() >= line) return line;
    this.text = `${this.text.slice(0, end)}\n${this.text.slice(next.getStart())}`;
    return end + 1;
  }

  #source(): ts.SourceFile {
    const { typescript } = this;
    return typescript.createSourceFile('a.ts', this.text, typescript.ScriptTarget.Latest, true);
  }

  /** The classes with `@Module`, or the one that is wanted. */
  #decorated(): readonly ts.ClassDeclaration[] {
    const classes = this.#source().statements.filter(this.typescript.isClassDeclaration);
    const found = classes.filter((each) => this.#moduleCall(each) !== undefined);
    const wanted = found.filter(({ name }) => name?.text === this.wanted);
    return wanted.length > 0 ? wanted : found;
  }

  #moduleCall(declaration: ts.ClassDeclaration): ts.CallExpression | undefined {
    const { typescript } = this;
    return (typescript.getDecorators(declaration) ?? [])
      .map(({ expression }) => expression)
      .filter(typescript.isCallExpression)
      .find(({ expression }) => expression.getText() === 'Module');
  }

  #metadata(): ts.ObjectLiteralExpression | undefined {
    const [declaration] = this.#decorated();
    const [argument] = (declaration && this.#moduleCall(declaration))?.arguments ?? [];
    return argument && this.typescript.isObjectLiteralExpression(argument) ? argument : undefined;
  }

  #property(metadata: ts.ObjectLiteralExpression, name: string) {
    // What is spread may bring the list, too: it must not be replaced by ours.
    return metadata.properties.find(
      (each) => this.#isNamed(each, name) || this.typescript.isSpreadAssignment(each),
    );
  }

  #isNamed({ name }: ts.ObjectLiteralElementLike, wanted: string): boolean {
    const { typescript } = this;
    if (!name) return false;
    return (typescript.isStringLiteral(name) ? name.text : name.getText()) === wanted;
  }

  #list(metadata: ts.ObjectLiteralExpression, name: string): ts.ArrayLiteralExpression | undefined {
    const { typescript } = this;
    const property = metadata.properties.find((each) => this.#isNamed(each, name));
    if (!property || !typescript.isPropertyAssignment(property)) return undefined;
    const { initializer } = property;
    return typescript.isArrayLiteralExpression(initializer) ? initializer : undefined;
  }

  #importedNames({ importClause }: ts.ImportDeclaration): readonly string[] {
    const bindings = importClause?.namedBindings;
    if (!bindings || !this.typescript.isNamedImports(bindings)) return [];
    return bindings.elements.map(({ name }) => name.text);
  }

  /** Writes a last element between brackets. What stands on one line gets a line an element. */
  #append(literal: ts.Node, given: ts.NodeArray<ts.Node>, element: string): void {
    const { text } = this;
    const [open, close] = [literal.getStart() + 1, literal.end - 1];
    const outer = /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', open - 1) + 1))?.[0] ?? '';
    const line = `\n${element}`.replaceAll('\n', `\n${outer}${this.#unit}`);
    const last = given.at(-1);
    const inner = text.slice(open, close);
    let written: string;
    if (!last) {
      written = `${inner.trimEnd()}${line},\n${outer}`;
    } else if (/\n|\/[*/]/.test(inner)) {
      // Behind what is said about the last element.
      const said = this.typescript.getTrailingCommentRanges(text, given.end)?.at(-1)?.end;
      const comma = given.hasTrailingComma ? '' : ',';
      const after = said ?? given.end;
      const rest = text.slice(after, close);
      const end = rest.includes('\n') ? rest : `\n${outer}`;
      written = `${text.slice(open, given.end)}${comma}${text.slice(given.end, after)}${line},${end}`;
    } else {
      const each = given.map((node) => `\n${outer}${this.#unit}${node.getFullText().trim()},`);
      written = `${each.join('')}${line},\n${outer}`;
    }
    this.text = text.slice(0, open) + written + text.slice(close);
  }
}
