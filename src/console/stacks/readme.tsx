import type { Child } from "hono/jsx";
import { fill, pageBytes } from "../../http/pageText.ts";
import { README_ROOM } from "../../stacks/look.ts";

/** Maximum number of bytes of the markup of a line, and of a mark in it. */
const LINE = 30;
const MARK = 10;

/**
 * The README of a stack: its output `readme`, in a small part of Markdown. It knows headings, lists, blocks of code and paragraphs. All else,
 * HTML and links too, is shown as it was written.
 */
export const Readme = ({ text }: { text: string }) => {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const { shown, more } = fill(lines, README_ROOM, (line) => pageBytes(line) + LINE + MARK * line.replaceAll(/[^`*]/g, "").length);
  return (
    <section class="readme" aria-labelledby="readme">
      <h2 id="readme">README</h2>
      {blocksOf(shown).map((block) => (
        <Block block={block} />
      ))}
      {more > 0 && <p class="faint">The README goes on: pulumi stack output readme.</p>}
    </section>
  );
};

interface BlockText {
  kind: "heading" | "text" | "code" | "list";
  lines: string[];
}

function blocksOf(lines: string[]): BlockText[] {
  const blocks: BlockText[] = [];
  let code: string[] | undefined;
  let isNew = true;
  for (const line of lines) {
    if (/^\s*```/.test(line)) {
      if (code) blocks.push({ kind: "code", lines: code });
      code = code ? undefined : [];
      isNew = true;
    } else if (code) code.push(line);
    else if (line.trim() === "") isNew = true;
    else {
      const heading = /^#{1,6}\s+(.*)$/.exec(line);
      const item = /^\s*[-*+]\s+(.*)$/.exec(line);
      const kind = heading ? "heading" : item ? "list" : "text";
      const its = heading?.[1] ?? item?.[1] ?? line;
      const last = blocks.at(-1);
      if (!isNew && kind !== "heading" && last?.kind === kind) last.lines.push(its);
      else blocks.push({ kind, lines: [its] });
      isNew = kind === "heading";
    }
  }
  if (code && code.length > 0) blocks.push({ kind: "code", lines: code });
  return blocks;
}

const Block = ({ block: { kind, lines } }: { block: BlockText }) => {
  if (kind === "heading") return <h3>{inline(lines[0]!)}</h3>;
  if (kind === "code") return <pre tabindex={0}>{lines.join("\n")}</pre>;
  if (kind === "text") return <p>{inline(lines.join("\n"))}</p>;
  return (
    <ul>
      {lines.map((line) => (
        <li>{inline(line)}</li>
      ))}
    </ul>
  );
};

/** Code and strong text within a line. */
const inline = (text: string): Child[] =>
  text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/).map((part, i) => {
    if (i % 2 === 0) return part;
    return part.startsWith("`") ? <code>{part.slice(1, -1)}</code> : <strong>{part.slice(2, -2)}</strong>;
  });
