/** Finds citations of the reference pages in a text, such as `cli-protocol §4.8`, `cli-protocol trap 16` and `platform-facts D-2`. Pure. */

/** The citable numbers of each page by its name: `§4.8`, `trap 16`, `D-2`. */
export type Pages = ReadonlyMap<string, ReadonlySet<string>>;

/** @param markdown a page of docs/reference @returns the numbers of its headings, facts and traps */
export function numbersOf(markdown: string): Set<string> {
  const traps = /^# \d+\. Traps$([^]*?)(?=^# |(?![^]))/m.exec(markdown)?.[1] ?? "";
  return new Set([
    ...[...markdown.matchAll(/^#+ (\d+(?:\.\d+)*)\.? /gm)].map(([, number]) => `§${number}`),
    ...[...markdown.matchAll(/^(?:- \*\*|### )([A-Z]+-\d+)\b/gm)].map(([, fact]) => fact!),
    ...[...traps.matchAll(/^(\d+)\. /gm)].map(([, number]) => `trap ${number}`),
  ]);
}

/**
 * A citation is the name of a page and the numbers after it, up to a closing bracket or the end of the sentence. A bare `§4.8` cites the
 * page that the file named last. On a reference page, bare numbers refer to the page itself.
 * @param own name of the page, if the text is a reference page
 * @returns the citations that do not resolve, as messages
 */
export function citationFaults(file: string, source: string, pages: Pages, own?: string): string[] {
  const text = readable(source);
  const faults: string[] = [];
  let last = own;
  let cited: string | undefined;
  for (const match of text.matchAll(tokens(pages))) {
    const { page, section, trap, fact, end } = match.groups!;
    if (page !== undefined) {
      cited = page;
      last = own ?? page;
    } else if (end !== undefined) {
      cited = undefined;
    } else {
      const number = fact ?? (section !== undefined ? `§${section}` : `trap ${trap}`);
      const target = cited ?? (section !== undefined ? last : own);
      const where = `${file}:${text.slice(0, match.index).split("\n").length}`;
      if (target === undefined) {
        if (section !== undefined) faults.push(`${where} cites ${number} without a page`);
        continue;
      }
      const numbers = pages.get(target)!;
      const isText = cited === undefined && fact !== undefined && !hasLetterOf(fact, numbers);
      if (!isText && !numbers.has(number))
        faults.push(`${where} cites ${target} ${number}, which docs/reference/${target}.md does not have`);
    }
  }
  return faults;
}

/** Sections of other documents, such as `RFC 7644 §3.12`, are skipped. */
const tokens = (pages: Pages) =>
  new RegExp(
    [
      `\\b(?<page>${[...pages.keys()].join("|")})\\b`,
      String.raw`(?<!(?:RFC \d+|OIDC Core) )§(?<section>\d+(?:\.\d+)*)`,
      String.raw`\btrap (?<trap>\d+)`,
      String.raw`(?<![\w-])(?<fact>[A-Z]{1,2}-\d+)(?![\w-])`,
      String.raw`(?<end>[)\]]|\.(?=\s))`,
    ].join("|"),
    "g",
  );

/** If a page has a fact `D-2`, then `D-9` on this page is a citation as well. If it has no facts with an H, `H-1` is not a citation. */
const hasLetterOf = (fact: string, numbers: ReadonlySet<string>) =>
  [...numbers].some((known) => known.startsWith(fact.slice(0, fact.indexOf("-") + 1)));

/** Replaces the marks of comments and the addresses of links by spaces, so that every other character keeps its position. */
const readable = (source: string) =>
  source
    .replaceAll(/^([ \t]*)(\*|\/\/)(?=\s)/gm, (_, indent: string, mark: string) => indent + " ".repeat(mark.length))
    .replaceAll(/\[([^\]\n]*)\]\([^)\n]*\)/g, (link, label: string) => label.padEnd(link.length));
