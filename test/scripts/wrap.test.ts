import { expect, it } from "vitest";
import { wrapped } from "../../scripts/wrap.ts";

const words = (count: number) => Array.from({ length: count }, (_, i) => `word${i % 10}`).join(" ");
const widest = (text: string) => Math.max(...text.split("\n").map((line) => line.length));
const flat = (text: string) => text.replaceAll(/\s+/g, " ");

it("wraps a paragraph with a long line at 120 columns, and changes no word", () => {
  const text = `${words(50)}\n${words(3)}\n`;
  expect(widest(wrapped(text))).toBeLessThanOrEqual(120);
  expect(flat(wrapped(text))).toBe(flat(text));
  expect(wrapped(wrapped(text))).toBe(wrapped(text));
});

it("leaves a paragraph alone whose lines are short", () => {
  const text = "One sentence.\nAnother one.\n";
  expect(wrapped(text)).toBe(text);
});

it("indents the lines of an item below its text", () => {
  const [first, second, next] = wrapped(`- ${words(30)}\n- next`).split("\n");
  expect(first).toMatch(/^- word0/);
  expect(second).toMatch(/^ {2}word/);
  expect(next).toBe("- next");
});

it.each([
  ["a table", `| ${words(40)} |`],
  ["a code block", `\`\`\`sh\n${words(40)}\n\`\`\``],
  ["a heading", `# ${words(40)}`],
  ["a word that is too long", "x".repeat(200)],
])("leaves %s alone", (_, text) => {
  expect(wrapped(text)).toBe(text);
});

it.each([
  ["a span of code", "`a b c d e f g h i j k l`"],
  ["a link", "[a name of several words](page.md#anchor)"],
])("keeps %s in one piece", (_, piece) => {
  expect(wrapped(`${words(18)} ${piece} ${words(18)}`)).toContain(piece);
});

it.each(["-", "2.", "#", "+"])("begins no line with %s, which would be an item or a heading", (mark) => {
  for (let count = 15; count < 25; count++)
    expect(wrapped(`${words(count)} ${mark} ${words(20)}`)).not.toMatch(new RegExp(`^\\${mark}`, "m"));
});
