/** Ends a script that was called wrongly, with a sentence that says what to do. */
export function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
