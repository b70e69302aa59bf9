/** Finds links between the documents whose file or heading does not exist, and pages that the table of contents leaves out. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { root } from "./wrangler.ts";

const withoutCode = (markdown: string) =>
  markdown.replaceAll(/^[ ]*```[^]*?^[ ]*```$/gm, "").replaceAll(/`[^`\n]*`/g, (span) => span.replaceAll("](", ""));

/** The anchors of a page, as GitHub derives them from its headings. */
export const anchorsOf = (markdown: string) =>
  new Set(
    [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );

/** @returns the paths that a page links to; links to other sites are left out */
export const linksOf = (markdown: string) =>
  [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!).filter((target) => !/^[a-z]+:/.test(target));

const CONTENTS = "docs/README.md";

/** @returns the pages of `docs/` that its table of contents leaves out, as messages. @param files paths of all pages */
export function unlistedFaults(contents: string, files: string[]): string[] {
  const listed = new Set(linksOf(contents).map((link) => normalize(join(dirname(CONTENTS), link.split("#")[0]!))));
  return files
    .filter((file) => file.startsWith("docs/") && file !== CONTENTS && !listed.has(file))
    .map((file) => `${CONTENTS} does not list ${file}`);
}

/** @returns broken links, and pages that are not listed, as messages */
export function linkFaults(): string[] {
  const pages = new Map(globSync(["*.md", "docs/**/*.md"], { cwd: root }).map((file) => [file, readFileSync(join(root, file), "utf8")]));
  const unlisted = unlistedFaults(pages.get(CONTENTS) ?? "", [...pages.keys()]);
  const broken = [...pages].flatMap(([file, text]) =>
    linksOf(text).flatMap((link) => {
      const [path, anchor] = link.split("#") as [string, string?];
      const target = path === "" ? file : normalize(join(dirname(file), path));
      if (!existsSync(join(root, target))) return [`${file} links to ${target}, which does not exist`];
      const page = pages.get(target);
      return anchor === undefined || !page || anchorsOf(page).has(anchor)
        ? []
        : [`${file} links to ${target}#${anchor}, but there is no such heading`];
    }),
  );
  return [...broken, ...unlisted];
}
