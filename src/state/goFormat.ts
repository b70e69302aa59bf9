/** What Go, and so the CLI, writes otherwise than JavaScript: a state is to come back from `pulumi stack export | import` as it was. */

/** A moment (ms since 1970): RFC 3339 whose fraction does not end in a zero. */
export const goTime = (at: number): string => new Date(at).toISOString().replace(/\.?0*Z$/, "Z");

/** JSON in which nothing can be taken for markup, nor for the end of a line of JavaScript (cli-protocol §1.5). */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
