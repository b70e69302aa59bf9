/** Lines for the operator, one JSON object each: Workers Logs reads the fields, `wrangler tail` shows one line. */
export const log = (message: string, fields: object = {}): void => console.log(JSON.stringify({ message, ...fields }));

/** Something failed. @param error with its stack where it has one, and without what could be a secret in its message */
export const logError = (message: string, error: unknown, fields: object = {}): void =>
  console.error(JSON.stringify({ message, ...fields, error: scrub(tell(error)) }));

const tell = (error: unknown) => (error instanceof Error ? (error.stack ?? String(error)) : String(error));

/**
 * Messages of errors may hold a piece of what was being worked on: a parser quotes the text that it cannot read, a driver the parameters
 * of a statement. None of that is needed to find the place.
 */
export const scrub = (text: string): string =>
  text
    .replaceAll(/\nparams: .*/g, "")
    .split("\n")
    .map((line) => (/^ +at /.test(line) ? line : withoutSecrets(line)))
    .join("\n");

const withoutSecrets = (line: string) =>
  line
    .replaceAll(/"[^"]{4,}"/g, '"…"')
    // Tokens, leases, ciphertexts, keys, hashes. Ids are none.
    .replaceAll(/[A-Za-z0-9+/_=.-]{24,}/g, (run) => (isId.test(run) ? run : "…"));

const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
