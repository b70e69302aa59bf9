import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { counted } from "../../scripts/costs/counted.ts";
import { type Use, amountsOfMonth, amountsOfUpdate, onLine, total } from "../../scripts/costs/model.ts";
import { type Amounts, PLAN } from "../../scripts/costs/prices.ts";
import { STATEMENTS, most, run, walls, wallsTable } from "../../scripts/costs/walls.ts";
import { root, runScript } from "./support/checkout.ts";

const use: Use = { updates: 200, resources: 100, changed: 10, kilobytes: 4, seconds: 60, requests: 2000, months: 12 };

describe("the cost model", () => {
  it("has the counts of an update where they were counted", () => {
    const whole = (amounts: Amounts) =>
      Object.fromEntries(Object.entries(amounts).map(([kind, amount]) => [kind, Math.round(amount * 1e6) / 1e6]));
    for (const size of [10, 200, 600]) {
      expect(whole(amountsOfUpdate(size, size))).toEqual(counted.created[size]);
      expect(whole(amountsOfUpdate(size, 0))).toEqual(counted.unchanged[size]);
    }
  });

  it("goes on beyond the counts, and never below 0", () => {
    const { requests: few } = onLine(counted.created, 600);
    expect(onLine(counted.created, 6000).requests).toBeGreaterThan(5 * few!);
    for (const amount of Object.values(onLine(counted.created, 0))) expect(amount).toBeGreaterThanOrEqual(0);
  });

  it("costs no less when there is more of anything", () => {
    const costOf = (more: Partial<Use>) => total(amountsOfMonth({ ...use, ...more }));
    for (const more of [
      { updates: 20_000 },
      { resources: 5000 },
      { changed: 100 },
      { seconds: 6000 },
      { requests: 10_000_000 },
      { months: 120 },
    ])
      expect(costOf(more), JSON.stringify(more)).toBeGreaterThanOrEqual(costOf({}));
    expect(costOf({ updates: 0, requests: 0 })).toBeCloseTo(PLAN, 1);
  });
});

describe("the walls", () => {
  const page = readFileSync(join(root, "docs/scale.md"), "utf8");

  it("are those of docs/scale.md", () => {
    expect(page).toContain(`\n${wallsTable()}\n`);
    for (const figure of [run.bytes, run.statements, run.rowsWritten, run.messages])
      expect(page).toMatch(new RegExp(`^\\| [^|]+ \\| ${figure.toLocaleString("en-US")} \\|`, "m"));
    const rounded = (value: number) => String(Number(value.toPrecision(2)));
    expect(page).toContain(`| ${rounded(most.held / 1e6)} million runs |`);
    for (const limit of [most.stored, most.told]) expect(page).toContain(`| ${rounded(limit)} runs in a second |`);
  });

  it("come sooner with more organizations", () => {
    const [few, many] = [walls(10), walls(1000)];
    expect(many.daysUntilFull * 100).toBeCloseTo(few.daysUntilFull);
    expect(many.writer).toBeCloseTo(few.writer * 100);
    expect(many.forSize).toBeGreaterThan(few.forSize);
  });

  it("count the statements that docs/performance.md has", () => {
    expect(readFileSync(join(root, "docs/performance.md"), "utf8").replaceAll("\n", " ")).toContain(`**${STATEMENTS} D1 statements**`);
  });
});

describe("npm run costs", () => {
  it("prints each kind, and the sum", async () => {
    const { code, stdout } = await runScript(root, "costs", ["--updates-per-day", "1000", "--resources", "50", "--changed", "70"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/rows written in D1 +[\d,]+ +50,000,000 +\$\d/);
    expect(stdout).toMatch(/^total +\$\d+\.\d\d$/m);
  });

  it("refuses what is not a number", async () => {
    for (const value of ["many", "-1", ""])
      expect(await runScript(root, "costs", [`--resources=${value}`])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("--resources needs a number") as string,
      });
  });
});
