import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, expect, inject, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";

interface Row {
  org: string;
  project: string;
  name: string;
  tags: Record<string, string>;
}
interface Query {
  organization?: string | undefined;
  project?: string | undefined;
  tagName?: string | undefined;
  tagValue?: string | undefined;
}

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const row = fc.record({
  org: fc.constantFrom("acme", "globex"),
  project: fc.constantFrom("web", "WEB", "api", "Zoo", "a-b", "a.b"),
  name: fc.constantFrom("dev", "Prod", "prod2", "a", "B", "_", "-", "0"),
  tags: fc.dictionary(fc.constantFrom("env", "Env", "team"), fc.constantFrom("", "x", "X"), { noNullPrototype: true }),
});
const pathOf = ({ org, project, name }: Row) => `${org}/${project}/${name}`;
/** Names that differ only in upper and lower case are one name. */
const rows = fc.uniqueArray(row, { selector: (one) => pathOf(one).toLowerCase(), maxLength: 14 });
const maybe = (...values: string[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
const query: fc.Arbitrary<Query> = fc
  .record({
    organization: maybe("acme", "globex", "ACME", "none"),
    project: maybe("web", "api", "zoo", "Zoo", "a.b"),
    tagName: maybe("env", "Env", "none"),
    tagValue: maybe("", "x"),
  })
  .map((some) => (some.tagName === undefined ? { ...some, tagValue: undefined } : some));

const matches = (one: Row, asked: Query) =>
  (asked.organization === undefined || one.org === asked.organization) &&
  (asked.project === undefined || one.project.toLowerCase() === asked.project.toLowerCase()) &&
  (asked.tagName === undefined ||
    (asked.tagName in one.tags && (asked.tagValue === undefined || one.tags[asked.tagName] === asked.tagValue)));

const insert = (one: Row) =>
  env.DB.batch([
    env.DB.prepare(
      "INSERT INTO stacks (id, org_id, project, name, created_at) SELECT ?, id, ?, ?, 0 FROM organizations WHERE name = ?",
    ).bind(pathOf(one), one.project, one.name, one.org),
    ...Object.entries(one.tags).map(([name, value]) =>
      env.DB.prepare("INSERT INTO stack_tags (stack_id, name, value) VALUES (?, ?, ?)").bind(pathOf(one), name, value),
    ),
  ]);

it(
  "holds every filter together, and in pages neither loses nor repeats a stack that is there all the time",
  async () => {
    await ok("POST", "/api/orgs/globex/members/mel", { token: world.stranger, json: { role: "member" } });
    await fc.assert(
      fc.asyncProperty(
        rows,
        query,
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.boolean(), { maxLength: 14 }),
        async (all, asked, size, later) => {
          await env.DB.batch([env.DB.prepare("DELETE FROM stacks"), env.DB.prepare("DELETE FROM stack_tags")]);
          const added = all.filter((_, i) => later[i]);
          const present = all.filter((_, i) => !later[i]);
          for (const one of present) await insert(one);
          const text = new URLSearchParams({ maxResults: String(size) });
          for (const [name, value] of Object.entries(asked)) if (value !== undefined) text.set(name, String(value));

          const seen: string[] = [];
          for (let cursor: string | undefined = ""; cursor !== undefined;) {
            const page: { stacks: { id: string }[]; continuationToken?: string } = await ok(
              "GET",
              `/api/user/stacks?${text.toString()}${cursor && `&continuationToken=${cursor}`}`,
              { token: world.member },
            );
            expect(page.stacks.length).toBeLessThanOrEqual(size);
            seen.push(...page.stacks.map((stack) => stack.id));
            cursor = page.continuationToken;
            // Between two pages another caller creates a stack, before or after the present position.
            const one = added.pop();
            if (one) {
              await insert(one);
            }
          }
          expect(new Set(seen).size).toBe(seen.length);
          const mustBe = present.filter((one) => matches(one, asked)).map(pathOf);
          const mayBe = all.filter((one) => matches(one, asked)).map(pathOf);
          expect(seen).toEqual(expect.arrayContaining(mustBe));
          expect(mayBe).toEqual(expect.arrayContaining(seen));
        },
      ),
      { numRuns: 40 * inject("sizes").runs },
    );
  },
  120_000 * inject("sizes").runs,
);

it("refuses a value without a name, and any cursor except its own", async () => {
  for (const text of ["tagValue=x", "continuationToken=x", "maxResults=0", "maxResults=x", "continuationToken=WzFd"])
    await refused(400, "GET", `/api/user/stacks?${text}`, { token: world.member });
});
