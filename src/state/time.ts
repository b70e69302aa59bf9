/**
 * A moment (ms since 1970) as Go writes it: RFC 3339 whose fraction does not end in a zero. The CLI writes every time of a state
 * so; with `toISOString()` one state in ten would come back from `pulumi stack export | import` with another text.
 */
export const goTime = (at: number): string => new Date(at).toISOString().replace(/\.?0*Z$/, "Z");
