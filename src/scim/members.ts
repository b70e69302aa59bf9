/** Reads JSON whose names may be in upper or lower case, and may be those of `Object.prototype` (identity-facts C-1, L-6). */

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The members of an object by their names in lower case. A repeated name has its last value. In a `Map`, a name such as `__proto__` is an
 * ordinary key.
 */
export const membersOf = (value: Record<string, unknown>): Map<string, unknown> =>
  new Map(Object.keys(value).map((name) => [name.toLowerCase(), value[name]]));

/** Folds a text that is compared without case (identity-facts C-22). */
export const folded = (text: string): string => text.normalize("NFKC").toLowerCase();
