// Small changes of a source file, each of which a test should notice; and the file with all of them, switched by number.
import ts from 'typescript';

/** One small change. */
export interface Mutant {
  readonly file: string;
  readonly line: number;
  /** The function, method or constant that it stands in. */
  readonly within: string;
  /** The line as it would be, without indentation. */
  readonly mutated: string;
}

interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** An expression is chosen, a statement or a whole body is left out. No change: a property that is read late. */
  readonly form: 'expression' | 'property' | 'statement' | 'body';
}

/** The function that says which change is on: `$mutant(number)`. */
const SWITCH = '$mutant';

const K = ts.SyntaxKind;
const OPERATORS: ReadonlyMap<ts.SyntaxKind, readonly string[]> = new Map([
  [K.EqualsEqualsEqualsToken, ['!==']],
  [K.ExclamationEqualsEqualsToken, ['===']],
  [K.LessThanToken, ['<=', '>=']],
  [K.LessThanEqualsToken, ['<', '>']],
  [K.GreaterThanToken, ['>=', '<=']],
  [K.GreaterThanEqualsToken, ['>', '<']],
  [K.AmpersandAmpersandToken, ['||']],
  [K.BarBarToken, ['&&']],
  [K.PlusToken, ['-']],
  [K.MinusToken, ['+']],
  [K.AsteriskToken, ['/']],
  [K.SlashToken, ['*']],
  [K.PlusEqualsToken, ['-=']],
  [K.QuestionQuestionEqualsToken, ['=', '&&=']],
  [K.BarBarEqualsToken, ['=', '&&=']],
]);

const METHODS: ReadonlyMap<string, string> = new Map([
  ['some', 'every'],
  ['every', 'some'],
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
  ['min', 'max'],
  ['max', 'min'],
  ['ceil', 'floor'],
]);
const LEFT_OUT = new Set(['filter', 'slice', 'toLowerCase', 'trim', 'sort', 'reverse']);

/** All small changes of a file, in an order that only its text decides. */
export function mutantsOf(file: string, text: string): readonly Mutant[] {
  const source = parse(file, text);
  const changes = changesOf(source).filter(({ form }) => form !== 'property');
  return changes.map(({ start, end, text: replacement }) => {
    const from = text.lastIndexOf('\n', start - 1) + 1;
    const to = text.indexOf('\n', end);
    return {
      file,
      line: text.slice(0, start).split('\n').length,
      within: nameAround(source, start),
      mutated: [text.slice(from, start), replacement, text.slice(end, to < 0 ? undefined : to)]
        .join('')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    };
  });
}

/** The file with all its changes, of which the first has this number. */
export function withSwitches(file: string, text: string, first: number): string {
  let next = first;
  const numbered = changesOf(parse(file, text)).map((each) => ({
    ...each,
    number: each.form === 'property' ? -1 : next++,
  }));
  const render = (start: number, end: number, changes: typeof numbered): string => {
    let rendered = '';
    let at = start;
    for (let rest = changes; rest[0];) {
      const [{ start: from, end: to, form }] = rest as [(typeof numbered)[0]];
      const here = rest.filter((each) => each.start === from && each.end === to);
      const inside = rest.filter((each) => !here.includes(each) && each.end <= to);
      rest = rest.filter((each) => each.start >= to);
      const whole = render(from, to, inside);
      rendered += text.slice(at, from) + switched(form, here, whole);
      at = to;
    }
    return rendered + text.slice(at, end);
  };
  return render(0, text.length, numbered);
}

function switched(
  form: Change['form'],
  changes: readonly (Change & { number: number })[],
  whole: string,
): string {
  const on = ({ number }: { readonly number: number }) => `${SWITCH}(${number})`;
  switch (form) {
    case 'expression':
      return `(${changes.map((each) => `${on(each)} ? (${each.text}) : `).join('')}(${whole}))`;
    case 'property':
      return `get ${whole.slice(0, whole.indexOf(':'))}() { return ${whole.slice(whole.indexOf(':') + 1)}; }`;
    case 'statement':
      return `{ if (!${changes.map(on).join('')}) { ${whole} } }`;
    case 'body':
      return `{ if (${changes.map(on).join('')}) return; ${whole.slice(1)}`;
  }
}

function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

function changesOf(source: ts.SourceFile): readonly Change[] {
  const changes: Change[] = [];
  const add = (node: ts.Node, ...texts: readonly string[]): void => {
    if (isBound(node)) return;
    const [start, end] = [node.getStart(source), node.end];
    for (const text of new Set(texts)) changes.push({ start, end, text, form: 'expression' });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    const [start, end] = [node.getStart(source), node.end];
    if (ts.isExpressionStatement(node) || ts.isBreakOrContinueStatement(node)) {
      const isInSwitch = ts.isCaseOrDefaultClause(node.parent);
      if (!isInSwitch) changes.push({ start, end, text: ';', form: 'statement' });
    } else if (ts.isBlock(node) && ts.isFunctionLike(node.parent) && node.statements.length > 1) {
      changes.push({ start, end, text: '{}', form: 'body' });
    } else if (ts.isPropertyAssignment(node) && !isWithinFunction(node)) {
      // Read while the file is loaded, a change in it would take a run of its own.
      changes.push({ start, end, text: '', form: 'property' });
    } else if (ts.isExpression(node)) {
      add(node, ...conditions(node), ...replacements(node, source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  // Outer changes before those within them, which is what the switches need.
  return changes.sort((one, other) => one.start - other.start || other.end - one.end);
}

/** Parentheses around these would break what they are a part of; or nothing can notice another text. */
function isBound(node: ts.Node): boolean {
  const { parent } = node;
  if (isNameOfSymbol(node)) return true;
  if (ts.isOptionalChain(parent) && parent.expression === node) return true;
  if (ts.isCallExpression(parent) && parent.expression === node) return true;
  if (ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) {
    return parent.name === node;
  }
  if (ts.isMethodDeclaration(parent) || ts.isBindingElement(parent)) return parent.name === node;
  return ts.isExpressionWithTypeArguments(parent);
}

/** `Symbol('name')`: only people read it, in a debugger. */
function isNameOfSymbol({ parent }: ts.Node): boolean {
  return ts.isCallExpression(parent) && parent.expression.getText() === 'Symbol';
}

function conditions(node: ts.Expression): readonly string[] {
  const { parent } = node;
  if (ts.isIfStatement(parent) && parent.expression === node) return ['true', 'false'];
  if (ts.isConditionalExpression(parent) && parent.condition === node) return ['true', 'false'];
  if (ts.isForStatement(parent) && parent.condition === node) return ['false'];
  if (ts.isWhileStatement(parent)) return ['false'];
  if (ts.isPrefixUnaryExpression(parent) || !ts.isBinaryExpression(parent)) return [];
  switch (parent.operatorToken.kind) {
    case K.AmpersandAmpersandToken:
      return ['true'];
    case K.BarBarToken:
      return ['false'];
    default:
      return [];
  }
}

function replacements(node: ts.Expression, source: ts.SourceFile): readonly string[] {
  const textOf = (part: ts.Node) => part.getText(source);
  const { parent } = node;
  const found: string[] = [];
  if (ts.isArrowFunction(parent) && parent.body === node && textOf(node) !== 'undefined') {
    found.push('undefined');
  }
  if (ts.isBinaryExpression(node)) {
    const { left, operatorToken, right } = node;
    if (operatorToken.kind === K.QuestionQuestionToken)
      return [...found, textOf(left), textOf(right)];
    const others = OPERATORS.get(operatorToken.kind) ?? [];
    return [...found, ...others.map((other) => `${textOf(left)} ${other} ${textOf(right)}`)];
  }
  if (ts.isPrefixUnaryExpression(node)) {
    const isNot = node.operator === K.ExclamationToken || node.operator === K.MinusToken;
    return isNot ? [...found, textOf(node.operand)] : found;
  }
  if (node.kind === K.TrueKeyword) return [...found, 'false'];
  if (node.kind === K.FalseKeyword) return [...found, 'true'];
  if (ts.isStringLiteralLike(node)) return [...found, node.text === '' ? "'mutant'" : "''"];
  if (ts.isTemplateExpression(node)) return [...found, "''"];
  if (ts.isNumericLiteral(node)) return [...found, `${textOf(node)} + 1`];
  if (ts.isArrayLiteralExpression(node) && node.elements.length > 0 && !isTarget(node)) {
    return [...found, '[]'];
  }
  if (ts.isObjectLiteralExpression(node) && node.properties.length > 0 && !isTarget(node)) {
    return [...found, '{}'];
  }
  if (ts.isRegularExpressionLiteral(node)) return [...found, ...regexes(node.text)];
  if (ts.isOptionalChain(node) && !ts.isOptionalChain(parent)) {
    return [...found, textOf(node).replace(/\?\.([[(]?)/, (_, next) => next || '.')];
  }
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { expression: on, name } = node.expression;
    const other = METHODS.get(name.text);
    if (other)
      found.push(`${textOf(on)}.${other}${textOf(node).slice(textOf(node.expression).length)}`);
    if (LEFT_OUT.has(name.text)) found.push(textOf(on));
  }
  return found;
}

function isWithinFunction(node: ts.Node): boolean {
  for (let at = node.parent; at; at = at.parent) if (ts.isFunctionLike(at)) return true;
  return false;
}

function isTarget(node: ts.Expression): boolean {
  return ts.isBinaryExpression(node.parent) && node.parent.left === node;
}

function regexes(text: string): readonly string[] {
  const [, body = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? [];
  const others = [
    body.replace(/^\^/, ''),
    body.replace(/\$$/, ''),
    body.replace(/[+*](?=\$?$)/, ''),
    body.replace('[^', '['),
  ].filter((other) => other !== body && other !== '');
  return [...others.map((other) => `/${other}/${flags}`), ...(flags ? [`/${body}/`] : [])];
}

function nameAround(source: ts.SourceFile, position: number): string {
  let name = '';
  const visit = (node: ts.Node): void => {
    if (position < node.getStart(source) || position >= node.end) return;
    const isNamed =
      ts.isFunctionDeclaration(node) ||
      ts.isMethodDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      (ts.isVariableDeclaration(node) && (name === '' || isFunction(node.initializer)));
    if (isNamed && node.name) name = node.name.getText(source);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return name;
}

function isFunction(node: ts.Node | undefined): boolean {
  return node !== undefined && (ts.isArrowFunction(node) || ts.isFunctionExpression(node));
}
