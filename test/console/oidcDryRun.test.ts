import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { distance, nearClaim, nearMiss } from "../../src/console/oidc/nearMiss.ts";
import { type Idp, allowing, newIdp } from "../oidc/support/idp.ts";
import { eventsOf } from "../support/audit.ts";
import { type Visitor, fieldsOf, shown, signIn } from "../support/browser.ts";
import { changesNothing, records } from "../support/stored.ts";
import { type World, newWorld } from "../support/world.ts";

const MARKUP = `</textarea><i>"x'&</i>`;
const ESCAPED = "&lt;/textarea&gt;&lt;i&gt;&quot;x&#39;&amp;&lt;/i&gt;";

let world: World;
let admin: Visitor;
let idp: Idp;
let path: string;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
  idp = await newIdp(world, [
    allowing({
      rules: { repository: "acme/shop", ref: "refs/heads/main" },
      stacks: [{ project: "{repository_name}", stack: "*", access: "read" }],
    }),
    { ...allowing({ tokenType: "team" }), teamName: "ops" },
    allowing({ decision: "deny", rules: { event_name: "pull_request*" } }),
  ]);
  path = `/acme/~/oidc/${idp.id}/test`;
});
afterEach(() => vi.restoreAllMocks());

const tried = (pasted: string, more: Record<string, string> = {}, status = 200) => shown(admin.post(path, { pasted, ...more }), status);
const pastedIn = (page: string) => fieldsOf(page, `${path}#result`)["pasted"];
const claims = { aud: "urn:pulumi:org:acme", repository: "acme/shop", ref: "refs/heads/main" };

describe("a dry run with claims", () => {
  it("shows the token that would come, and issues nothing", async () => {
    let page = "";
    const events = await eventsOf(() => changesNothing(async () => void (page = await tried(JSON.stringify(claims)))));
    expect(events).toMatchObject([{ event: "oidc-issuer-tested", userLogin: "ada" }]);
    for (const part of [
      "It would be allowed.",
      "ci:acme/shop@main: organization token",
      "on the stacks shop/*:read only",
      "2 hours",
      "no signature was checked",
    ])
      expect(page).toContain(part);
    expect(pastedIn(page)).toBe(JSON.stringify(claims));
  });

  it("marks what is almost right: a value, a claim, and which policies were looked at", async () => {
    const page = await tried(JSON.stringify({ ...claims, ref: "refs/heads/mian" }));
    expect(page).toContain("It would be refused: policy 1: ref is &quot;refs/heads/mian&quot;");
    expect(page).toContain("<code>ref</code> is refs/heads/mian, the rule wants refs/heads/main.");
    expect(page.match(/near miss/g)).toHaveLength(1);
    expect(page).toContain("It is about another kind of token.");
    const { repository, ...others } = claims;
    expect(await tried(JSON.stringify({ ...others, repositery: repository }))).toContain(
      "The token has no <code>repository</code>, but <code>repositery</code>.",
    );
    // A rule of a policy that denies is never a near miss.
    expect(await tried(JSON.stringify({ ...claims, event_name: "pul_request" }))).not.toContain("near miss");
    expect(await tried(JSON.stringify({ ...claims, event_name: "pull_request" }))).toContain("policy 3 denies it");
  });

  it("asks for a team, a person or the scope admin", async () => {
    const team = await tried(JSON.stringify({ ...claims, sub: "repo:acme/shop:x" }), { tokenType: "team", name: "ops" });
    expect(team).toContain("It would be allowed.");
    expect(fieldsOf(team, `${path}#result`)).toMatchObject({ tokenType: "team", name: "ops" });
    expect(await tried(JSON.stringify(claims), { tokenType: "personal", name: "mel" })).toContain(
      "no policy is about personal tokens of mel",
    );
    expect(await tried(JSON.stringify(claims), { admin: "yes" })).toContain("the scope admin needs a policy");
  });

  it("shows each claim by the path of a rule, and times as times", async () => {
    const page = await tried(
      JSON.stringify({ exp: 1_800_000_000, "kubernetes.io": { pod: { name: "x" } }, list: [1, "two"], iat: -1, nbf: 1e300 }),
    );
    for (const part of ["2027-01-15 08:00 UTC", "&quot;kubernetes.io&quot;.pod.name", "[1,&quot;two&quot;]"]) expect(page).toContain(part);
  });
});

describe("a dry run with a token", () => {
  /** Everything that was stored or logged while the work ran. */
  async function traces(work: () => Promise<string>): Promise<{ page: string; traces: string }> {
    const logs = (["log", "info", "warn", "error", "debug"] as const).map((method) => vi.spyOn(console, method));
    let page = "";
    const events = await eventsOf(async () => void (page = await work()));
    const logged = logs.flatMap(({ mock }) => mock.calls);
    expect(logged.length).toBeGreaterThan(0);
    return { page, traces: JSON.stringify([events, logged, await records()]) };
  }

  it("checks it, and the token is on no page, in no log, and in no record", async () => {
    const token = await idp.token(claims);
    const secret = token.slice(-40);
    for (const pasted of [token, `  ${token}\r\n`, `Authorization: Bearer ${token}`, JSON.stringify({ count: 1, value: token })]) {
      const { page, traces: left } = await traces(() => tried(pasted));
      expect(page).toContain("a valid token of this issuer");
      expect(page).toContain("It would be allowed.");
      expect(page).toContain("<code>repository</code>");
      expect(pastedIn(page)).toBe("");
      expect([page.includes(secret), left.includes(secret)]).toEqual([false, false]);
    }
  });

  it("says what is wrong with it, and shows nothing of it either", async () => {
    const token = await idp.token({ ...claims, exp: 1 });
    const wrong: [string, number, string][] = [
      [token, 200, "It would be refused: it has expired (exp)."],
      [token.slice(0, -20), 200, "a token that is not valid"],
      [token.slice(0, 40), 400, "The token is not a signed JWT."],
      [`${token}.x`, 200, "expired"],
      ["x".repeat(30_000), 400, "Too big"],
      [`pul-${"0".repeat(40)}`, 400, "The token is not a signed JWT."],
    ];
    for (const [pasted, status, message] of wrong) {
      const { page, traces: left } = await traces(() => tried(pasted, {}, status));
      expect(page).toContain(message);
      expect(pastedIn(page)).toBe("");
      for (const place of [page, left]) expect(place).not.toContain(pasted.slice(-25));
    }
  });

  it("hides a token that is the value of a claim", async () => {
    const inner = await idp.token({ inner: true });
    const page = await tried(await idp.token({ ...claims, repository: inner, ref: inner }));
    expect(page).toContain("(a token)");
    expect(page).not.toContain(inner.slice(-40));
  });
});

it("a dry run of what is no token and no claims is refused", async () => {
  const faulty: [string, Record<string, string>, string][] = [
    ["", {}, "paste a token, or claims as JSON"],
    ["{", {}, "the body is not valid JSON"],
    [`{"a": "${"x".repeat(9000)}"}`, {}, "claims have at most 8192 characters"],
    [`{"a": ${"[".repeat(1500)}${"]".repeat(1500)}}`, {}, "levels of lists and objects"],
    [JSON.stringify(Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`c${i}`, 1]))), {}, "an object of at most 500 members"],
    ["{}", { tokenType: "team" }, "enter the name of the team"],
    ["{}", { tokenType: "team", name: "x".repeat(250) }, "The scope of a team token is team:NAME."],
    ["{}", { tokenType: "runner", name: "x" }, "Invalid option"],
    ["{}", { tokenType: "constructor", name: "x" }, "Invalid option"],
  ];
  for (const [pasted, more, message] of faulty) {
    await changesNothing(async () => expect(await tried(pasted, more, 400)).toContain(message));
  }
});

it("whatever a claim or a rule is, it stays text and the pages stay small", async () => {
  const long = `<&"'`.repeat(120);
  const rules = (at: number) => Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`${i}${at}${long}`.replaceAll('"', ""), long]));
  const large = await newIdp(
    world,
    Array.from({ length: 4 }, (_, at) => allowing({ rules: { [MARKUP.replaceAll('"', "")]: MARKUP, ...rules(at) } })),
    { name: `<&"'`.repeat(25), audiences: Array.from({ length: 20 }, () => long) },
  );
  const here = `/acme/~/oidc/${large.id}`;
  const hostile = {
    [MARKUP]: MARKUP,
    ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`${i}${long}`.slice(0, 400), long.slice(0, 200)])),
  };
  const answers = [
    await shown(admin.get(here)),
    await shown(admin.get(`${here}/settings`)),
    await shown(admin.get(`${here}/policies/json`)),
    await shown(admin.get(`${here}/policies/1`)),
    await shown(admin.get(`${here}/policies/1/delete`)),
    await shown(admin.post(`${here}/test`, { pasted: JSON.stringify(hostile), name: long.slice(0, 200) })),
  ];
  for (const page of answers) {
    expect(new TextEncoder().encode(page).length).toBeLessThan(100_000);
    expect(page).not.toContain("</textarea><i>");
  }
  expect(answers.at(-1)).toContain(ESCAPED);
  // A form whose values do not fit on a page is refused.
  await changesNothing(async () => {
    await shown(admin.post(`${here}/policies/1`, { claim0: long.repeat(20), pattern0: "x" }), 413);
    await shown(admin.post(`${here}/policies/json`, { policies: long.repeat(60) }), 413);
    await shown(admin.post(`${here}/settings`, { audiences: long.repeat(60) }), 413);
  });
});

describe("near misses", () => {
  it.each([
    ["refs/heads/main", "refs/heads/mian", 2],
    ["main", "main", 0],
    ["refs/heads/*", "refs/heads/a/b", 0],
    ["refs/heads/*", "refs/head/x", 1],
    ["a?c", "ac", 0],
    ["a.c", "abc", 0],
    ["a.c", "ac", 1],
    ["", "abc", 3],
    ["*", "", 0],
    ["abc", "", 3],
  ])("the distance of %s and %s is %i", (pattern, text, expected) => expect(distance(pattern, text)).toBe(expected));

  it("are mistakes in writing, upper and lower case, and beginnings of paths, but no other ids", () => {
    expect(nearMiss("refs/heads/main", ["x", "refs/heads/mian"])).toBe("refs/heads/mian");
    expect(nearMiss("main", ["refs/heads/main"])).toBe("refs/heads/main");
    expect(nearMiss("refs/heads/main", ["main"])).toBe("main");
    expect(nearMiss("Acme/Shop", ["acme/shop"])).toBe("acme/shop");
    expect(nearMiss("2002", ["2003"])).toBeUndefined();
    expect(nearMiss("a", ["b"])).toBeUndefined();
    expect(nearMiss("production", ["staging"])).toBeUndefined();
    expect(nearMiss("x".repeat(201), ["x".repeat(200)])).toBeUndefined();
    expect(nearClaim("repositery", ["sub", "repository"])).toBe("repository");
  });
});
