import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../../../docs/compatibility.md", import.meta.url));
/** The table of docs/compatibility.md that the suite checks, and writes when it is asked to. */
const TABLE = /(?<=<!-- commands -->\n\n)[^]*?(?=\n\n<!-- end of commands -->)/;

/** The outcome by command, and then by version of the CLI. */
export type Verdicts = Map<string, Map<string, string>>;

/** @returns the versions that have a column, oldest first, and the cells of each row */
export function readPage(): { versions: string[]; verdicts: Verdicts } {
  const table = TABLE.exec(readFileSync(page, "utf8"))?.[0] ?? "";
  const [head = [], _rule, ...rows] = table.split("\n").map((line) =>
    line
      .split("|")
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  const versions = head.slice(1);
  const verdicts = rows.map(([command = "", ...cells]): [string, Map<string, string>] => [
    command.replaceAll("`", "").replace(/^pulumi /, ""),
    new Map(cells.flatMap((cell, i) => (cell === NONE ? [] : [[versions[i]!, cell]]))),
  ]);
  return { versions, verdicts: new Map(verdicts) };
}

/** Gives `version` a column with these outcomes, in place of its present column. */
export function writeColumn(version: string, found: Map<string, string>): void {
  const { versions: had, verdicts } = readPage();
  const versions = [...new Set([...had, version])].toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  for (const command of found.keys()) if (!verdicts.has(command)) verdicts.set(command, new Map());
  for (const [command, cells] of verdicts) {
    const verdict = found.get(command);
    if (verdict === undefined) cells.delete(version);
    else cells.set(version, verdict);
    if (cells.size === 0) verdicts.delete(command);
  }
  const rows = [...verdicts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([command, cells]) => [`\`pulumi ${command}\``, ...versions.map((each) => cells.get(each) ?? NONE)]);
  const lines = [["Command", ...versions], ["---", ...versions.map(() => "---")], ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  writeFileSync(
    page,
    readFileSync(page, "utf8").replace(TABLE, () => lines.join("\n")),
  );
}

/** The version does not have the command. */
const NONE = "–";
