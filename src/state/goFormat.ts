/**
 * Formats that differ between Go and JavaScript. A state must not change by `pulumi stack export | import`, and the CLI is written in Go.
 */

/** Formats a time (ms since 1970) as RFC 3339; the fraction does not end in a zero. */
export const goTime = (at: number): string => new Date(at).toISOString().replace(/\.?0*Z$/, "Z");

/** JSON with escapes for the characters of markup and for the line ends of JavaScript (cli-protocol §1.5). */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
