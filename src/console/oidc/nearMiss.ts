/** Finds rules that do not match because of a typing mistake. Pure. */

/** Maximum number of characters of a text that is compared, and of values of a claim. */
const LONGEST = 200;
const MOST_VALUES = 10;

/** The value of a claim that a pattern almost matches, if there is one. */
export const nearMiss = (pattern: string, values: string[]): string | undefined =>
  values.slice(0, MOST_VALUES).find((value) => isNear(pattern, value));

/** The claim of a token that a rule may mean, if the token does not have the claim of the rule. */
export const nearClaim = (claim: string, claims: string[]): string | undefined => claims.find((one) => isNear(claim, one));

/**
 * Whether a pattern misses a text by up to two characters, by upper and lower case, or by the beginning of a path such as `refs/heads/`.
 * Numbers are ids, so a number that differs is another id.
 */
function isNear(pattern: string, text: string): boolean {
  if (pattern.length > LONGEST || text.length > LONGEST || /^\d*$/.test(pattern) || /^\d*$/.test(text)) return false;
  const [wanted, found] = [pattern.toLowerCase(), text.toLowerCase()];
  if (wanted.endsWith(`/${found}`) || found.endsWith(`/${wanted}`)) return true;
  const shortest = Math.min(pattern.replaceAll(/[*?]/g, "").length, text.length);
  return distance(wanted, found) <= Math.min(2, Math.floor(shortest / 2));
}

/** The number of characters to insert, to remove or to replace in a text until a pattern matches it. What a wildcard matches costs nothing. */
export function distance(pattern: string, text: string): number {
  const symbols = [...pattern];
  const free = (symbol: string, wildcards: string) => (wildcards.includes(symbol) ? 0 : 1);
  // The entry at `j` is the distance of the text so far to the first `j` symbols.
  let row = [0];
  for (const [j, symbol] of symbols.entries()) row.push(row[j]! + free(symbol, "*?"));
  for (const character of text) {
    const next = [row[0]! + 1];
    for (const [j, symbol] of symbols.entries()) {
      const replaced = row[j]! + (symbol === character ? 0 : free(symbol, "*?."));
      next.push(Math.min(replaced, row[j + 1]! + free(symbol, "*"), next[j]! + free(symbol, "*?")));
    }
    row = next;
  }
  return row.at(-1)!;
}
