/**
 * Checks that lines of the documents have at most 120 columns. Tables, code blocks, headings and HTML are exempt. With `--write` it wraps
 * longer lines.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./wrangler.ts";

const COLUMNS = 120;

/** A line that never belongs to a paragraph: a heading, a row of a table, HTML, or an empty line. */
const alone = /^\s*(?:#|\||<|$)/;
const fence = /^\s*(?:```|~~~)/;
/** The mark at the start of a list's item. */
const item = /^\s*(?:[-*+]|\d+[.)])\s+/;
/** Code and links are kept on one line, so that a search finds them. The characters after them up to the next space belong to them. */
const pieces = /(?:`[^`]*`|!?\[[^\]]*\]\([^)]*\)|\S)+/g;

/** @returns the text with each paragraph wrapped that has a line of more than 120 columns; other paragraphs are unchanged */
export function wrapped(markdown: string): string {
  const output: string[] = [];
  let paragraph: string[] = [];
  let inCode = false;
  const flush = () => {
    output.push(...(paragraph.some((line) => line.length > COLUMNS) ? wrapParagraph(paragraph) : paragraph));
    paragraph = [];
  };
  for (const line of markdown.split("\n")) {
    if (fence.test(line)) {
      flush();
      inCode = !inCode;
      output.push(line);
    } else if (inCode || alone.test(line)) {
      flush();
      output.push(line);
    } else {
      if (item.test(line)) flush();
      paragraph.push(line);
    }
  }
  flush();
  return output.join("\n");
}

function wrapParagraph(lines: string[]): string[] {
  const first = item.exec(lines[0]!)?.[0] ?? /^\s*/.exec(lines[0]!)![0];
  const indent = " ".repeat(first.length);
  const words = [lines[0]!.slice(first.length), ...lines.slice(1)].join(" ").match(pieces) ?? [];
  const result: string[] = [];
  let line = first;
  for (const [i, word] of words.entries()) {
    if (i === 0) line += word;
    // A line that began with such a word would be another item, a heading or a row.
    else if (line.length + 1 + word.length <= COLUMNS || /^(?:[-*+#<|]|\d+[.)]$)/.test(word)) line += ` ${word}`;
    else {
      result.push(line);
      line = indent + word;
    }
  }
  return [...result, line];
}

const documents = () => globSync(["*.md", "docs/**/*.md"], { cwd: root });
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** @returns the documents with lines that are too long, each with its first such line */
export function wrapFaults(): string[] {
  return documents().flatMap((file) => {
    const before = read(file).split("\n");
    const after = wrapped(read(file)).split("\n");
    const line = before.findIndex((text, i) => text !== after[i]);
    return line < 0 ? [] : [`${file}:${line + 1}: lines have at most ${COLUMNS} columns; npm run format wraps them`];
  });
}

if (import.meta.main && process.argv.includes("--write")) {
  for (const file of documents()) {
    const text = read(file);
    const result = wrapped(text);
    if (result !== text) writeFileSync(join(root, file), result);
  }
}
