// What the Nest CLI hands to a schematic, as far as it is used here: @angular-devkit/schematics comes with the CLI.

/** The user's project, by paths from its root. What is changed here is written when all is done, and only shown with `--dry-run`. */
export interface Tree {
  exists(path: string): boolean;
  read(path: string): Uint8Array | null;
  create(path: string, text: string): void;
  overwrite(path: string, text: string): void;
}

export interface Context {
  readonly logger: { info(line: string): void; warn(line: string): void };
}

export function textIn(tree: Tree, path: string): string | undefined {
  const bytes = tree.read(path);
  return bytes === null ? undefined : new TextDecoder().decode(bytes);
}
