/** Logs a line for the operator as one JSON object: Workers Logs reads the fields, `wrangler tail` shows one line. */
export const log = (message: string, fields: object = {}): void => console.log(JSON.stringify({ message, ...fields }));

/** Logs an error, with its stack if it has one, and without possible secrets in its message. */
export const logError = (message: string, error: unknown, fields: object = {}): void =>
  console.error(JSON.stringify({ message, ...fields, error: scrub(tell(error)) }));

const tell = (error: unknown) => (error instanceof Error ? (error.stack ?? String(error)) : String(error));

/**
 * Removes possible secrets from a text. The message of an error may contain data: a parser quotes the text that it cannot read, a driver
 * quotes the parameters of a statement.
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
    // These may be tokens, leases, ciphertexts, keys or hashes. Ids are not secret.
    .replaceAll(/[A-Za-z0-9+/_=.-]{24,}/g, (run) => (isId.test(run) ? run : "…"));

const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
