/** Ends a script that was called with wrong arguments, with a message. */
export function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
