import { expect, it } from "vitest";
import { type Pages, citationFaults, numbersOf } from "../../scripts/citations.ts";

const protocol = `# The protocol
# 4. The update state machine
## 4.8 Journaling
### 4.8.4 Replay
A sentence that cites §4.8.
# 9. Traps
1. The first trap.
2. The second.
# 10. Choices
1. This is no trap.
2. Nor is this.
3. Nor is this.
`;
const facts = `# Facts
## 1. Storage
- **D-2** A row has at most 2,000,000 bytes (see D-3).
- **D-3** The simulator does not enforce it.
### PT-2 Validation inside the write
`;
const pages: Pages = new Map([
  ["cli-protocol", numbersOf(protocol)],
  ["platform-facts", numbersOf(facts)],
]);
const faults = (text: string, own?: string) => citationFaults("x.ts", text, pages, own);

it("the numbers of a page are its headings, facts and traps", () => {
  expect([...pages.get("cli-protocol")!]).toEqual(["§4", "§4.8", "§4.8.4", "§9", "§10", "trap 1", "trap 2"]);
  expect([...pages.get("platform-facts")!]).toEqual(["§1", "D-2", "D-3", "PT-2"]);
});

it("a citation that resolves is not a fault", () => {
  expect(faults("/** Entries (cli-protocol §4.8.4 and §4.8; see trap 2). A value (platform-facts D-2, PT-2). */")).toEqual([]);
  expect(faults("/** cli-protocol §4.8. */")).toEqual([]);
});

it.each([
  ["a section", "(cli-protocol §4.9)", "cli-protocol §4.9"],
  ["a second section", "(cli-protocol §4.8 and §4.8.5)", "cli-protocol §4.8.5"],
  ["a trap", "(cli-protocol trap 3)", "cli-protocol trap 3"],
  ["a fact", "(platform-facts D-4)", "platform-facts D-4"],
  ["a fact of an unknown letter", "(platform-facts X-1)", "platform-facts X-1"],
  ["a fact after a section of another page", "(cli-protocol §4.8, platform-facts PT-3)", "platform-facts PT-3"],
  ["a link", "See [the protocol of the CLI, cli-protocol](reference/cli-protocol.md) (§4.9).", "cli-protocol §4.9"],
])("%s that the page does not have is a fault", (_, text, cited) => {
  expect(faults(text)).toEqual([expect.stringContaining(`x.ts:1 cites ${cited},`)]);
});

it("a citation that a comment breaks over two lines is followed, with the line of its number", () => {
  expect(faults("/**\n * What the page has (cli-protocol\n * §4.9) is the reason.\n */")).toEqual([
    expect.stringContaining("x.ts:3 cites"),
  ]);
  expect(faults("// What the page has (cli-protocol\n// §4.8) is the reason.")).toEqual([]);
});

it("a bare section cites the page that the file named last, and is a fault where the file named none", () => {
  expect(faults("/** See cli-protocol §4.8. */\n/** As in (§4.8.4). */")).toEqual([]);
  expect(faults("/** See cli-protocol §4.8. */\n/** As in (§4.8.9). */")).toEqual([
    expect.stringContaining("x.ts:2 cites cli-protocol §4.8.9"),
  ]);
  expect(faults("/** As in (§4.8.4). */")).toEqual(["x.ts:1 cites §4.8.4 without a page"]);
});

it("a reference page may cite itself, and other pages by their names", () => {
  expect(faults(protocol, "cli-protocol")).toEqual([]);
  expect(faults("The row (D-3) and the entries (cli-protocol §4.8).", "platform-facts")).toEqual([]);
  expect(faults("The row (D-5).", "platform-facts")).toEqual([expect.stringContaining("platform-facts D-5")]);
  expect(faults("See §4.9 and RFC 7644 §3.12.", "cli-protocol")).toEqual([expect.stringContaining("cli-protocol §4.9")]);
});

it("names that only look like facts are not citations", () => {
  expect(faults("UTF-8, SHA-1 and AES-256 (cli-protocol §4.8), an A-4 page, part D-9.")).toEqual([]);
  expect(faults("UTF-8, SHA-1 and B-9.", "platform-facts")).toEqual([]);
});
