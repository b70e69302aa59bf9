import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { accessTo, isVisible, patternFault } from "../../src/auth/stackRules.ts";
import { batch, openStore } from "../../src/db/client.ts";
import { stacks } from "../../src/stacks/table.ts";

const rule = (project: string, stack = "*", access: "read" | "preview" | "write" = "write") => ({ project, stack, access });

describe("rules", () => {
  it.each([
    [null, "web", "dev", "write"],
    [[], "web", "dev", "none"],
    [[rule("web")], "web", "dev", "write"],
    [[rule("web")], "WEB", "Dev", "write"],
    [[rule("web")], "webs", "dev", "none"],
    [[rule("web-*")], "web-", "dev", "write"],
    [[rule("web-*")], "web", "dev", "none"],
    [[rule("*")], "anything", "at-all", "write"],
    [[rule("*", "prod", "read")], "web", "prod", "read"],
    [[rule("*", "prod", "read")], "web", "dev", "none"],
    [[rule("*", "*", "read"), rule("*", "dev")], "web", "dev", "write"],
    [[rule("*", "*", "read"), rule("*", "dev")], "web", "prod", "read"],
    [[rule("*", "*", "preview")], "web", "dev", "preview"],
    [[rule("*", "*", "read"), rule("*", "pr-*", "preview")], "web", "pr-7", "preview"],
    [[rule("*", "*", "preview"), rule("web", "*", "read")], "web", "dev", "preview"],
    [[rule("*", "*", "preview"), rule("web", "dev")], "web", "dev", "write"],
    [[rule("a*a")], "a", "dev", "none"],
    [[rule("a*a")], "aa", "dev", "write"],
    [[rule("*a*b*")], "xaxbx", "dev", "write"],
    [[rule("*a*b*")], "xbxax", "dev", "none"],
    [[rule("a.b")], "axb", "dev", "none"],
  ] as const)("%j give %s/%s %s", (rules, project, stack, access) => {
    expect(accessTo(rules as never, project, stack)).toBe(access);
  });

  it.each(["", "a b", "a/b", "[ab]", "a?", "ü", "x".repeat(101), `${"x".repeat(50)}*`])("may not have the pattern %j", (pattern) => {
    expect(patternFault(pattern)).toBeTypeOf("string");
  });

  it.each(["*", "a", "A.b_c-9", "x".repeat(100), `${"x".repeat(49)}*`])("may have the pattern %j", (pattern) => {
    expect(patternFault(pattern)).toBeUndefined();
  });

  const name = fc.string({ unit: fc.constantFrom("a", "B", "b", "-", "."), minLength: 1, maxLength: 6 });
  const pattern = fc.string({ unit: fc.constantFrom("a", "B", "b", "-", ".", "*"), minLength: 1, maxLength: 6 });

  it("match a name as a plain regular expression does", () => {
    fc.assert(
      fc.property(pattern, name, (project, text) => {
        const expression = new RegExp(`^${project.replaceAll(".", "\\.").replaceAll("*", ".*")}$`, "i");
        expect(accessTo([rule(project)], text, "dev")).toBe(expression.test(text) ? "write" : "none");
      }),
    );
  });

  it("filter a list in the database as they match one stack", async () => {
    const store = openStore(env);
    await env.DB.prepare("INSERT INTO organizations (id, name, display_name, created_at) VALUES ('o', 'acme', '', 0)").run();
    const rules = fc.array(
      fc.record({ project: pattern, stack: pattern, access: fc.constantFrom("read" as const, "preview" as const, "write" as const) }),
      {
        maxLength: 3,
      },
    );
    await fc.assert(
      fc.asyncProperty(rules, name, name, async (list, project, stack) => {
        await env.DB.prepare("INSERT OR REPLACE INTO stacks (id, org_id, project, name, created_at) VALUES ('s', 'o', ?, ?, 0)")
          .bind(project, stack)
          .run();
        const [rows] = await batch(store, [
          store.db
            .select({ id: stacks.id })
            .from(stacks)
            .where(isVisible(list, sql`${stacks.project}`, sql`${stacks.name}`)),
        ]);
        expect(rows.length === 1).toBe(accessTo(list, project, stack) !== "none");
      }),
      { numRuns: 200 * inject("sizes").runs },
    );
  });
});
