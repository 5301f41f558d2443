/** ZITADEL translates texts and keeps ids; one text is enough to catch a client that reads texts. */
const GERMAN: Readonly<Record<string, string>> = {
  'Project Grant already exists': 'Projekt Grant existiert bereits',
};

export function germanOf(text: string, acceptLanguage: string | undefined): string | undefined {
  return /^de\b/i.test(acceptLanguage ?? '') ? GERMAN[text] : undefined;
}
