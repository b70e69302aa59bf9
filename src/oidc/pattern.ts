/**
 * Whether a pattern matches the whole text: `*` is any characters or none, `?` is one character or none, and `.` is exactly one character
 * (management-api §10.2). The work is at most the product of both lengths, whatever the pattern is.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const symbols = [...pattern];
  let reached = skipOptional(symbols, new Set([0]));
  for (const character of text) {
    const next = new Set<number>();
    for (const at of reached) {
      const symbol = symbols[at];
      if (symbol === "*") next.add(at);
      else if (symbol === "?" || symbol === "." || symbol === character) next.add(at + 1);
    }
    if (next.size === 0) return false;
    reached = skipOptional(symbols, next);
  }
  return reached.has(symbols.length);
}

/** Adds the positions in a pattern that are reached without a further character. The loop also visits those that it adds. */
function skipOptional(symbols: string[], reached: Set<number>): Set<number> {
  for (const at of reached) if (symbols[at] === "*" || symbols[at] === "?") reached.add(at + 1);
  return reached;
}

/** Whether a pattern matches more than one text. A dot counts as a wildcard only between letters of a name if `dots` is true. */
export const hasWildcard = (pattern: string, dots = false): boolean => /[*?]/.test(pattern) || (dots && pattern.includes("."));
