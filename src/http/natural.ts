/** The order in which people expect names: `dev-2` comes before `dev-10`. */
export const natural = new Intl.Collator("en", { numeric: true });

/** Digits of a number that are compared as one. */
const WIDEST = 15;

/** A text whose plain order is the natural one. */
const naturalKey = (text: string): string => text.toLowerCase().replaceAll(/\d+/g, (digits) => digits.padStart(WIDEST, "0"));

/** Sorts a long list in natural order, much faster than with the collator. @param textOf what is compared */
export const sortedNaturally = <T>(list: readonly T[], textOf: (one: T) => string): T[] =>
  list
    .map((one) => ({ one, key: naturalKey(textOf(one)) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ one }) => one);
