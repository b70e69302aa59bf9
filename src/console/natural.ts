/** The order in which people expect names: `dev-2` comes before `dev-10`. */
export const natural = new Intl.Collator("en", { numeric: true });
