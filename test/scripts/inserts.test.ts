import { expect, it } from "vitest";
import { insertsIn } from "../../scripts/insertLists.ts";

it("counts the values of an insert", () => {
  const source = [
    "db.insert(members).select(sql`SELECT ${a}, coalesce(b, 1), 'x, y', ${f({ c: `${d}, e` })}, NULL FROM t WHERE ${x}`)",
    "db\n  .insert(teams)\n  .select(\n    sql`SELECT ${f}, (SELECT a, b FROM c)\n      WHERE 1`,\n  )",
    "db.insert(metrics).select(sql`SELECT ${name}`)",
    "db.insert(metrics).select(sql`SELECT ${name}, 1`)",
    "db.insert(metrics).select(sql`${rows} AND 1`)",
  ].join(";\n");
  expect(insertsIn(source)).toEqual([
    { table: "members", values: 5 },
    { table: "teams", values: 2 },
    { table: "metrics", values: 2 },
  ]);
});
