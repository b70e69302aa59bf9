import { beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { unboundedIn, unboundedInputs } from "../../scripts/bounds.ts";
import { routes } from "../../src/app/routes.ts";
import { AppError, badRequest } from "../../src/errors.ts";
import { AS_BODY, list, mapOf, text, unread } from "../../src/http/bounded.ts";
import { MOST_LEVELS, parseJson } from "../../src/http/json.ts";
import { MOST_VALUES } from "../../src/state/shape.ts";
import { call, ok, refused } from "../support/client.ts";
import { newVisitor, signIn } from "../support/browser.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, gzip, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

const STACK_PATH = "/api/stacks/acme/web/dev";
/** Maximum number of bytes of the whole answer of a refusal. */
const MOST_ANSWER = 4096;

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

/** Expects a refusal whose answer is small. @returns its message */
async function refusedBriefly(statuses: number[], method: string, path: string, options: Parameters<typeof call>[2]): Promise<string> {
  const response = await call(method, path, options);
  const answer = await response.text();
  expect(statuses, answer.slice(0, 500)).toContain(response.status);
  expect(new TextEncoder().encode(answer).length).toBeLessThanOrEqual(MOST_ANSWER);
  const { message, errors = [] } = JSON.parse(answer) as { message: string; errors?: unknown[] };
  expect(errors.length).toBeLessThanOrEqual(10);
  return message;
}

describe("the check of schemas", () => {
  it("finds no input of any route that has no bound", () => {
    expect(unboundedInputs(routes)).toEqual([]);
  });

  it.each<[string, z.ZodMiniType]>([
    ["a text", z.string()],
    ["a text that is only matched", z.string().check(z.regex(/^a{1,3}$/))],
    ["a text behind a transformation", z.pipe(z.transform(String), z.string())],
    ["a text in a list", list(z.string(), 3)],
    ["a value of a map", mapOf(z.string(), text(3), 3)],
    ["a name in a map", mapOf(text(3), z.string(), 3)],
    ["a list", z.array(text(3))],
    ["a list whose length is looked at last", z.array(text(3)).check(z.maxLength(3))],
    ["a record", z.record(text(3), text(3))],
    ["anything", z.unknown()],
    ["more members", z.looseObject({ a: text(3) })],
    ["an own check", z.custom<string>()],
    ["one of several", z.union([text(3), z.string()])],
    ["a part of a tuple", z.tuple([text(3), z.string()])],
    ["a default", z._default(z.string(), "")],
  ])("finds %s that has no bound, wherever it is", (_, schema) => {
    for (const place of [schema, z.optional(schema), z.nullish(schema), z.object({ deep: z.object({ a: schema }) }), list(schema, 9)])
      expect(unboundedIn(place, "x")).toHaveLength(1);
  });

  it("takes what has one", () => {
    const schema = z.object({
      a: text(3),
      b: z.nullish(list(z.object({ c: z.optional(text(1)) }), 2)),
      d: mapOf(text(1), text(1), 1),
      e: z.enum(["x"]),
      f: z.coerce.number(),
      g: unread(z.looseObject({})),
      h: z.pipe(text(2), z.transform(Number)),
    });
    expect(unboundedIn(schema, "x")).toEqual([]);
  });
});

describe("a bound", () => {
  it("of a list is checked before its elements", () => {
    let looks = 0;
    const counted = list(
      z.string().check(
        z.refine(() => ++looks > 0),
        z.maxLength(9),
      ),
      3,
    );
    expect(counted.safeParse(["a", "b", "c"]).data).toEqual(["a", "b", "c"]);
    expect(looks).toBe(3);
    const long = Array.from({ length: 1_000_000 }, () => 1);
    expect(counted.safeParse(long).error?.issues).toMatchObject([{ message: "a list of at most 3 elements is expected" }]);
    expect(looks).toBe(3);
    for (const other of [{ length: 1 }, "abc", 7, null]) expect(counted.safeParse(other).success).toBe(false);
  });

  it("of a map is checked before its members", () => {
    const counted = mapOf(text(1), text(9), 2);
    expect(counted.safeParse({ a: "1", b: "2" }).success).toBe(true);
    expect(counted.safeParse({ a: 1, b: 2, c: 3 }).error?.issues).toMatchObject([
      { message: "an object of at most 2 members is expected" },
    ]);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 7]));
    expect(mapOf(text(1), text(9), 100).safeParse(many).error?.issues).toHaveLength(10);
  });

  it("of a text is in characters that people see as one code point", () => {
    expect(text(2).safeParse("👩👩").success).toBe(true);
    expect(text(2).safeParse("👩👩👩").success).toBe(false);
    expect(text(AS_BODY).safeParse("x".repeat(1_000_000)).success).toBe(true);
  });
});

describe("JSON", () => {
  const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

  it("may have so many levels and values, and no more", () => {
    expect(parseJson(deep(MOST_LEVELS))).toBeDefined();
    expect(() => parseJson(deep(MOST_LEVELS + 1))).toThrow(/more than 1000 levels/);
    expect(parseJson(`[${"0,".repeat(MOST_VALUES - 2)}0]`)).toHaveLength(MOST_VALUES - 1);
    expect(() => parseJson(`[${"0,".repeat(MOST_VALUES)}0]`)).toThrow(/more than 1000000 values/);
    expect(() => parseJson(`[${"[],".repeat(MOST_VALUES / 2)}0]`)).toThrow(/more than 1000000 values/);
    expect(() => parseJson("[".repeat(4 * 1024 * 1024))).toThrow(/more than 1000 levels/);
    expect(() => parseJson('{"a":'.repeat(800_000))).toThrow(/more than 1000 levels/);
  });

  it("may have as many brackets, commas and quotation marks as it likes in its texts", () => {
    for (const said of ["[".repeat(2_000_000), "{,".repeat(1_000_000), '\\"[,'.repeat(500_000), "\\\\".repeat(500_000)])
      expect(parseJson(`{"a":"${said}"}`)).toEqual({ a: JSON.parse(`"${said}"`) });
  });

  it.each(["", "{", '{"a":"', '"\\', '{"a" 1}', "]", "nope"])("that cannot be parsed is 400: %j", (body) => {
    expect(() => parseJson(body)).toThrow(expect.objectContaining({ status: 400, message: "Bad Request: the body is not valid JSON" }));
  });
});

describe("a gzipped body of a few kilobytes that is a very long list", () => {
  const headers = { "Content-Encoding": "gzip" };

  it.each([100_000, 1_000_000, 16_000_000])("is refused with a short answer: %i elements", { timeout: 60_000 }, async (elements) => {
    await newStack(world.member);
    const reader = await newOrgToken(world, "reader", { roleID: "read-only", stacks: [{ project: "web", stack: "dev", access: "read" }] });
    const token = reader.tokenValue;
    await changesNothing(async () => {
      for (const [path, name, element] of [
        [`${STACK_PATH}/batch-encrypt`, "plaintexts", "1"],
        [`${STACK_PATH}/batch-decrypt`, "ciphertexts", '""'],
      ] as const) {
        const body = await gzip(`{"${name}":[${`${element},`.repeat(Math.min(elements, 10_000_000) - 1)}${element}]}`);
        await refusedBriefly([400, 413], "POST", path, { token, body, headers });
      }
    });
  });

  it("is refused wherever a list or a map is read", async () => {
    await newStack(world.member);
    const ones = `[${"1,".repeat(400_000)}1]`;
    const members = `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`).join(",")}}`;
    const bodies: [method: string, path: string, body: string][] = [
      ["POST", "/api/stacks/acme/web", `{"stackName":"x","teams":${ones}}`],
      ["POST", "/api/stacks/acme/web", `{"stackName":"x","tags":${members}}`],
      ["PATCH", `${STACK_PATH}/tags`, members],
      ["POST", `${STACK_PATH}/update`, `{"config":${members}}`],
      ["POST", `${STACK_PATH}/update`, `{"metadata":{"environment":${members}}}`],
      ["POST", "/api/orgs/acme/tokens", `{"name":"x","stacks":${ones}}`],
      ["POST", "/api/orgs/acme/tokens", `{"name":"x","ipAllowList":${ones}}`],
      ["POST", "/api/orgs/acme/invites/batch", `{"invites":${ones}}`],
      ["PATCH", "/api/orgs/acme", `{"setAllowedCidrs":${ones},"setAllowedCountries":${ones}}`],
      ["POST", "/api/token-leaks/scanner", ones],
    ];
    await changesNothing(async () => {
      for (const [method, path, body] of bodies)
        expect(await refusedBriefly([400], method, path, { token: world.admin, body })).toMatch(/at most \d+ /);
    });
  });

  it("under a lease, of entries or events, is refused too", async () => {
    await newStack(world.member);
    const { path, lease } = await startUpdate(world.member);
    for (const body of [`{"entries":[${"{},".repeat(3_000_000)}{}]}`, `{"entries":${"[".repeat(4_000_000)}`]) {
      await refusedBriefly([400, 413], "PATCH", `${path}/journalentries`, { lease, body });
      await refusedBriefly([400, 413], "PATCH", `${path}/journalentries`, { lease, body: await gzip(body), headers });
      await refusedBriefly([400, 413], "POST", `${path}/events/batch`, { lease, body: body.replace("entries", "events") });
    }
    // Larger batches of events are stored as received, and never parsed as a whole.
    await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
  });
});

describe("a refusal", () => {
  it("stays small, whatever it repeats", () => {
    const odd = ["x".repeat(1_000_000), "\u0000".repeat(100_000), '"\\'.repeat(100_000), "\ud800".repeat(50_000), "界".repeat(50_000)];
    for (const said of odd) {
      const errors = Array.from({ length: 1000 }, () => ({ resource: "request", attribute: said, errorType: "invalid" as const }));
      const body = JSON.stringify(badRequest(said, errors).toResponseBody());
      expect(new TextEncoder().encode(body).length).toBeLessThanOrEqual(MOST_ANSWER);
      expect((JSON.parse(body) as { message: string }).message).toMatch(/^Bad Request: .*…$/su);
    }
    expect(new AppError(400, "short").message).toBe("short");
  });

  it("names ten faults at most", async () => {
    await newStack(world.member);
    const config = Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`web:${i}${"n".repeat(900)}`, { string: 1 }]));
    await refusedBriefly([400], "POST", `${STACK_PATH}/update`, { token: world.member, json: { config } });
    const stacks = Array.from({ length: 100 }, () => ({ project: "a b", stack: 7, access: "x" }));
    await refusedBriefly([400], "POST", "/api/orgs/acme/tokens", { token: world.admin, json: { name: "x", stacks } });
  });

  it("of a form names few of them too", async () => {
    const admin = await signIn(world.admin);
    const stacks = Array.from({ length: 3000 }, () => "a/b/c").join(" ");
    const page = await (await admin.post("/acme/~/tokens", { name: "a b", description: "d".repeat(3000), stacks })).text();
    expect(page.length).toBeLessThan(100_000);
  });

  it("is given for a URL that is too long, and for each text in one that is", async () => {
    const token = world.admin;
    expect(await refusedBriefly([414], "GET", `/api/user/stacks?unread=${"x".repeat(17_000)}`, { token })).toMatch(/^URI Too Long/);
    expect(await refusedBriefly([414], "GET", `/${"x".repeat(17_000)}`, {})).toMatch(/^URI Too Long/);
    expect((await newVisitor().get(`/${"x".repeat(17_000)}`)).status).toBe(414);
    for (const path of [
      `/api/user/stacks?organization=${"x".repeat(9000)}`,
      `/api/user/stacks?continuationToken=${"x".repeat(9000)}`,
      `/api/orgs/acme/auditlogs?userFilter=${"x".repeat(9000)}`,
      `/api/orgs/acme/tokens/${"x".repeat(9000)}`,
      `/api/stacks/acme/web/dev/update/${"x".repeat(9000)}/events?${"type=1&".repeat(500)}`,
    ])
      await refusedBriefly([400], "GET", path, { token });
    expect(await refused(404, "GET", `/api/orgs/${"x".repeat(9000)}`, { token })).toMatch(/^Not Found: Organization/);
  });
});
