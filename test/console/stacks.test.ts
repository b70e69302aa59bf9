import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok } from "../support/client.ts";
import { component, deploymentOf, rootStack } from "../support/deployment.ts";
import { breakReplay, journal } from "../updates/support/ends.ts";
import { type World, newOrgToken, newStack, newTeam, newWorld, startUpdate } from "../support/world.ts";
import { addTo, closeStacks, grant } from "../teams/people.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const origin = "https://stackpass.test";

/** Signs in as a browser does. @returns the cookie */
async function signIn(token: string): Promise<string> {
  const answer = await exports.default.fetch(`${origin}/signin`, {
    method: "POST",
    redirect: "manual",
    headers: { "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" },
    body: new URLSearchParams({ token }).toString(),
  });
  expect(answer.status, await answer.text()).toBe(303);
  return answer.headers.get("Set-Cookie")!.split(";")[0]!;
}

interface Page {
  status: number;
  html: string;
  headers: Headers;
}

async function page(cookie: string, path: string, form?: Record<string, string>): Promise<Page> {
  const answer = await exports.default.fetch(origin + path, {
    redirect: "manual",
    ...(form && { method: "POST", body: new URLSearchParams(form).toString() }),
    headers: {
      Cookie: cookie,
      Accept: "text/html",
      ...(form && { "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" }),
    },
  });
  const html = await answer.text();
  expect(answer.status, html).toBeLessThan(500);
  if (answer.status === 200) expectHarmless(html);
  return { status: answer.status, html, headers: answer.headers };
}

/** Expects that the text of a program makes no element and no link of the page. */
function expectHarmless(html: string): void {
  expect(html).not.toMatch(/<img|<iframe|<b>|<[^>]*\son\w+=/i);
  expect(html.match(/<script/g)).toHaveLength(1);
  for (const [, href] of html.matchAll(/(?:href|action|src)="([^"]*)"(?! rel="noopener noreferrer nofollow")/g))
    expect(href).toMatch(/^[/#](?!\/)|^$/);
  for (const [, href] of html.matchAll(/href="([^"]*)" rel="noopener noreferrer nofollow"/g)) expect(href).toMatch(/^https?:\/\//);
}

describe("the list of stacks", () => {
  it("says how to create the first one, and says nothing to people outside of the organization", async () => {
    const cookie = await signIn(world.member);
    expect((await page(cookie, "/acme/~/stacks")).html).toContain("pulumi stack init acme/PROJECT/STACK");
    expect((await page(cookie, "/acme/web")).status).toBe(404);
    expect((await page(cookie, "/globex")).status).toBe(404);
    expect((await page(await signIn(world.billing), "/acme/~/stacks")).status).toBe(403);
    const signedOut = await page("", "/acme/web");
    expect([signedOut.status, signedOut.headers.get("Location")]).toEqual([303, "/signin?next=%2Facme%2Fweb"]);
  });

  it("is searched by name, tag and project", async () => {
    for (const [project, stack] of [
      ["web", "dev"],
      ["web", "production"],
      ["data", "dev"],
    ] as const)
      await newStack(world.member, project, stack);
    await ok("PATCH", "/api/stacks/acme/data/dev/tags", { token: world.member, json: { "cost:centre": "a=<b>" } });
    const cookie = await signIn(world.member);
    const stacks = async (path: string) =>
      [...(await page(cookie, path)).html.matchAll(/<th scope="row"><a href="([^"]*)"/g)].map(([, href]) => href);
    expect(await stacks("/acme/~/stacks")).toEqual(["/acme/data/dev", "/acme/web/dev", "/acme/web/production"]);
    expect(await stacks("/acme/web")).toEqual(["/acme/web/dev", "/acme/web/production"]);
    expect(await stacks("/acme/~/stacks?search=PROD")).toEqual(["/acme/web/production"]);
    expect(await stacks("/acme/~/stacks?search=b/d")).toEqual(["/acme/web/dev"]);
    expect(await stacks("/acme/~/stacks?tag=cost:centre")).toEqual(["/acme/data/dev"]);
    expect(await stacks(`/acme/~/stacks?tag=${encodeURIComponent("cost:centre=a=<b>")}`)).toEqual(["/acme/data/dev"]);
    expect(await stacks("/acme/~/stacks?tag=cost:centre%3Dx")).toEqual([]);
    expect(await stacks("/acme/~/stacks?project=WEB&search=dev")).toEqual(["/acme/web/dev"]);
    expect(await stacks("/acme/~/stacks?project=none")).toEqual([]);
    expect(await stacks("/acme/~/stacks?status=nonsense&sort=nonsense")).toHaveLength(3);
    expect((await page(cookie, "/acme/~/stacks")).html).toContain("3 stacks in 2 projects");
    expect((await page(cookie, "/acme/~/stacks?search=prod")).html).toContain("1 of 3 stacks in 2 projects");
    expect((await page(cookie, "/acme/web")).html).toContain('<p class="faint">2 stacks</p>');
    expect((await page(cookie, `/acme/~/stacks?search=${"x".repeat(101)}`)).status).toBe(400);
    expect((await page(cookie, '/acme/~/stacks?search="><script>alert(1)</script>')).html).toContain("No stacks match");
  });

  const named = async (cookie: string, path: string) =>
    [...(await page(cookie, path)).html.matchAll(/<th scope="row"><a href="[^"]*">([^<]*)/g)].map(([, name]) => name);

  it("shows what runs first, then what was updated last, with its result, its source and who ran it", async () => {
    for (const name of ["dev-10", "dev-2", "new"]) await newStack(world.member, "web", name);
    const { tokenValue } = await newOrgToken(world, "jenkins");
    const rows = async (path = "/acme/~/stacks") =>
      (await page(cookie, path)).html
        .split("<tr>")
        .slice(2)
        .map((row) => row.replaceAll(/<[^>]*>/g, " "));
    const cookie = await signIn(world.member);
    const first = await startUpdate(tokenValue, { stack: "web/dev-10" });
    await ok("POST", `${first.path}/complete`, { lease: first.lease, json: { status: "failed" } });
    await env.DB.prepare("UPDATE stacks SET last_update_at = last_update_at - 1000").run();
    const environment = {
      "git.head": "1f0c3a4b5c6d",
      "git.headName": "refs/heads/main",
      "vcs.kind": "github.com",
      "vcs.owner": "acme",
      "vcs.repo": "shop",
    };
    const second = await startUpdate(world.member, { stack: "web/new" });
    await env.DB.prepare("UPDATE updates SET environment = ? WHERE id = ?").bind(JSON.stringify(environment), second.id).run();
    expect(await rows()).toEqual([
      expect.stringMatching(/web\/new .*in progress.*Update 1.*1f0c3a4b.*main.*mel/),
      expect.stringMatching(/web\/dev-10 .*failed.*Update 1.*acme.*token jenkins/),
      expect.stringMatching(/web\/dev-2 .*no update yet/),
    ]);
    expect((await page(cookie, "/acme/~/stacks")).html).toContain('href="https://github.com/acme/shop/commit/1f0c3a4b5c6d"');
    await ok("POST", `${second.path}/complete`, { lease: second.lease, json: { status: "succeeded" } });
    expect(await named(cookie, "/acme/~/stacks")).toEqual(["web/new", "web/dev-10", "web/dev-2"]);
    for (const [status, names] of [
      ["failed", ["web/dev-10"]],
      ["succeeded", ["web/new"]],
      ["running", []],
      ["cancelled", []],
      ["never", ["web/dev-2"]],
    ] as const)
      expect(await named(cookie, `/acme/~/stacks?status=${status}`), status).toEqual(names);
  });

  it("is sorted by name in natural order, in projects that fold", async () => {
    for (const [project, name] of [
      ["app-10", "a"],
      ["app-2", "dev-10"],
      ["app-2", "dev-2"],
    ] as const)
      await newStack(world.member, project, name);
    const cookie = await signIn(world.member);
    expect(await named(cookie, "/acme/~/stacks?sort=name")).toEqual(["dev-2", "dev-10", "a"]);
    const { html } = await page(cookie, "/acme/~/stacks?sort=name");
    expect(html.match(/<details class="project" open/g)).toHaveLength(2);
    expect(html.replaceAll(/<[^>]*>/g, "")).toContain("app-2 2 stacks");
  });

  it("names no stack that its reader may not see, and does not count it", async () => {
    for (const name of ["dev", "prod"]) await newStack(world.admin, "web", name);
    await closeStacks(world.admin);
    await newTeam(world);
    await addTo(world.admin, "mel");
    await grant(world.admin, 101);
    const cookie = await signIn(world.member);
    for (const path of [
      "/acme/~/stacks",
      "/acme/~/stacks?sort=name",
      "/acme/~/stacks?status=never",
      "/acme/~/stacks?search=web",
      "/acme/~/stacks?project=web",
    ]) {
      const { html } = await page(cookie, path);
      expect(html, path).toMatch(/1 (of 1 )?stack/);
      expect(html, path).not.toContain("prod");
    }
    expect((await page(cookie, "/acme/web")).html).toContain("1 stack<");
  });

  it("has pages of 50 rows that keep the filters and are no larger than 100 KB", async () => {
    for (let i = 0; i < 52; i++) await newStack(world.member, "a-project-with-a-rather-long-name", `stack-${i + 100}`);
    const cookie = await signIn(world.member);
    for (const path of ["/acme/~/stacks?search=stack", "/acme/~/stacks?sort=name", "/acme/~/stacks"]) {
      const { html } = await page(cookie, path);
      expect(html.length).toBeLessThan(100_000);
      expect(html.match(/<th scope="row">/g)).toHaveLength(50);
      const next = /href="([^"]*)">Next page/.exec(html)![1]!;
      const second = (await page(cookie, next.replaceAll("&amp;", "&"))).html;
      expect(second.match(/<th scope="row">/g)).toHaveLength(2);
      expect(second).toContain("Page 2 of 2");
    }
    for (const odd of ["0", "x", "3", "999999"]) expect((await page(cookie, `/acme/~/stacks?page=${odd}`)).status, odd).toBe(200);
  });

  it("does not take over the paths of the API", async () => {
    const answer = await exports.default.fetch(`${origin}/api/nothing`, { headers: { Accept: "text/html" } });
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: 404 }]);
  });
});

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">`;
const STACK_PATH = "/acme/web/dev";
const importState = (resources: unknown[]) =>
  ok("POST", `/api/stacks${STACK_PATH}/import`, { token: world.member, json: deploymentOf(resources as never) });
const secretOf = (ciphertext: string) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext });
const encrypted = (value: unknown) => encryptedBytes(JSON.stringify(value));
/** @param bytes one character for each byte */
const encryptedBytes = async (bytes: string) => {
  const json = { plaintext: btoa(bytes) };
  return (await ok<{ ciphertext: string }>("POST", `/api/stacks${STACK_PATH}/encrypt`, { token: world.member, json })).ciphertext;
};

describe("a stack's page", () => {
  let cookie: string;
  beforeEach(async () => {
    await newStack(world.member);
    cookie = await signIn(world.member);
  });

  it("shows its tags, its history and the first steps, whatever the texts are", async () => {
    await ok("PATCH", `/api/stacks${STACK_PATH}/tags`, { token: world.member, json: { "a:b": hostile } });
    const { html } = await page(cookie, STACK_PATH);
    expect(html).toContain("pulumi up --stack acme/web/dev");
    expect(html).toContain("&lt;script&gt;alert(1)");
    await importState([rootStack]);
    const { tokenValue } = await newOrgToken(world, "jenkins");
    const update = await startUpdate(tokenValue, { kind: "preview", dryRun: true });
    const after = (await page(cookie, STACK_PATH)).html;
    expect(after).toContain(`href="${STACK_PATH}/updates/1"`);
    expect(after).toContain(`href="${STACK_PATH}/previews/${update.id}"`);
    expect(after).toContain("token jenkins");
    for (const odd of ["?page=0", "?page=x", "?page=1e9", "?page=2"]) expect((await page(cookie, STACK_PATH + odd)).status).toBe(200);
  });

  it("counts updates by day, previews not among them, and so does the list of its project", async () => {
    expect((await page(cookie, STACK_PATH)).html).not.toContain("in 30 days");
    await importState([rootStack]);
    expect((await page(cookie, STACK_PATH)).html).toContain("1 update in 30 days");
    await startUpdate(world.member, { kind: "preview", dryRun: true });
    const update = await startUpdate(world.member);
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "failed" } });
    await newStack(world.member, "data");
    for (const path of [STACK_PATH, "/acme/web", "/acme/~/stacks"]) {
      const { html } = await page(cookie, path);
      expect(html, path).toContain("2 updates in 30 days, 1 of them failed");
      expect(html, path).toContain(`${new Date().toISOString().slice(0, 10)}: 2, 1 of them failed`);
    }
    expect((await page(cookie, "/acme/data")).html).not.toContain("in 30 days");
    await env.DB.prepare(`UPDATE updates SET started_at = started_at - ${31 * 86_400_000} WHERE status = 'succeeded'`).run();
    expect((await page(cookie, STACK_PATH)).html).toContain("1 update in 30 days, 1 of them failed");
  });

  it("is 404 for another organization, 403 without the right", async () => {
    for (const path of [STACK_PATH, `${STACK_PATH}/outputs`, `${STACK_PATH}/resources`, `${STACK_PATH}/settings/options`]) {
      expect((await page(await signIn(world.stranger), path)).status, path).toBe(404);
      expect((await page(await signIn(world.billing), path)).status, path).toBe(403);
      expect((await page(cookie, path.replace("/dev", "/nothing"))).status, path).toBe(404);
      expect((await page(cookie, path.replace("/dev", "/a%20b%3Cb%3E"))).status, path).toBe(404);
    }
  });

  it("cancels the update that its reader saw, and no other", async () => {
    const update = await startUpdate(world.member);
    const link = /href="([^"]*\/cancel\?updateID=[^"]*)"/.exec((await page(cookie, STACK_PATH)).html)![1]!;
    const { html } = await page(cookie, link);
    const shown = /name="updateID" value="([^"]*)"/.exec(html)![1]!;
    expect(shown).toBe(update.id);
    expect((await page(await signIn(world.stranger), `${STACK_PATH}/cancel`, { updateID: shown })).status).toBe(404);
    expect((await page(await signIn(world.billing), `${STACK_PATH}/cancel`, { updateID: shown })).status).toBe(403);
    const events = await eventsOf(async () => {
      const done = await page(cookie, `${STACK_PATH}/cancel`, { updateID: shown });
      expect([done.status, done.headers.get("Location")]).toEqual([303, STACK_PATH]);
      const said = done.headers.getSetCookie()[0]!;
      expect(said).toMatch(/^__Host-stackpass-said=.*; HttpOnly; Secure; SameSite=Strict$/);
      const next = await page(`${cookie}; ${said.split(";")[0]}`, STACK_PATH);
      expect(next.html).toContain("The update was canceled.");
      expect(next.headers.getSetCookie()[0]).toContain("__Host-stackpass-said=; Max-Age=0");
    });
    expect(events.map(({ event }) => event)).toContain("stack-update-canceled");
    expect((await page(cookie, STACK_PATH)).html).not.toContain("Cancel update");
    const again = await page(cookie, `${STACK_PATH}/cancel`, { updateID: shown });
    expect([again.status, again.html]).toEqual([409, expect.stringContaining("Update has")]);
  });
});

describe("outputs", () => {
  let cookie: string;
  beforeEach(async () => {
    await newStack(world.member);
    cookie = await signIn(world.member);
  });

  it("show texts as texts, numbers with their digits, and no secret", async () => {
    const outputs = { [hostile]: hostile, big: "BIG", key: secretOf(await encrypted("s3cret<b>")), inner: { a: [secretOf("AAAA")] } };
    const state = JSON.stringify(deploymentOf([{ ...rootStack, outputs } as never])).replace('"BIG"', "9007199254740993");
    await ok("POST", `/api/stacks${STACK_PATH}/import`, { token: world.member, body: state });
    const events = await eventsOf(async () => {
      const { html } = await page(cookie, `${STACK_PATH}/outputs`);
      expect(html).toContain("9007199254740993");
      expect(html).toContain("&lt;script&gt;");
      expect(html).not.toContain("AAAA");
      expect(html).not.toContain("s3cret");
      expect(html.match(/\[secret\]/g)).toHaveLength(2);
    });
    expect(events.map(({ event }) => event)).toEqual(["stack-exported"]);
    const plain = await eventsOf(() => page(cookie, STACK_PATH));
    expect(plain).toEqual([]);
  });

  it("show the output readme as text with a few marks, and no HTML of it", async () => {
    const readme = `# Shop ${hostile}\n\nRuns **the** shop:\n\n- \`npm\` one\n- two <b>x</b>\n\n\`\`\`\n<img src=x>\n\`\`\`\n[a](javascript:alert(1))`;
    await importState([{ ...rootStack, outputs: { readme, url: "u" } }]);
    const { html } = await page(cookie, `${STACK_PATH}/outputs`);
    for (const part of [
      "<h3>Shop &quot;&gt;&lt;script&gt;",
      "<strong>the</strong>",
      "<code>npm</code> one",
      "two &lt;b&gt;x",
      "&lt;img src=x&gt;",
    ])
      expect(html).toContain(part);
    expect(html).not.toContain('<th scope="row">readme');
    await importState([{ ...rootStack, outputs: { readme: secretOf("AAAA") } }]);
    expect((await page(cookie, `${STACK_PATH}/outputs`)).html).toMatch(/<th scope="row">readme.*\[secret\]/s);
    await importState([{ ...rootStack, outputs: { readme: "`a`".repeat(5000) + "\n**b**".repeat(5000) } }]);
    expect((await page(cookie, `${STACK_PATH}/outputs`)).html.length).toBeLessThan(100_000);
  });

  it("reveal one secret in an answer that is kept nowhere, and is in the log", async () => {
    const nested = { a: 9007199254740993n.toString(), b: [secretOf(await encrypted({ c: 1 }))] };
    await importState([{ ...rootStack, outputs: { key: secretOf(await encrypted("s3cret<b>")), nested, foreign: secretOf("v1:x:y") } }]);
    const events = await eventsOf(async () => {
      const { html, headers } = await page(cookie, `${STACK_PATH}/outputs/reveal`, { name: "key" });
      expect(html).toContain("s3cret&lt;b&gt;");
      expect(headers.get("Cache-Control")).toBe("no-store");
    });
    expect(events.map(({ event }) => event).sort()).toEqual(["secret-decrypted", "stack-exported"]);
    expect((await page(cookie, `${STACK_PATH}/outputs/reveal`, { name: "nested" })).html).toContain("{&quot;c&quot;:1}");
    expect((await page(cookie, `${STACK_PATH}/outputs/reveal`, { name: "foreign" })).status).toBe(400);
    expect((await page(cookie, `${STACK_PATH}/outputs/reveal`, { name: "none" })).status).toBe(404);
    for (const bytes of ["\xff\xfe", '"abc', "", '"a" "b"', '"\\ud800"', "1e400"]) {
      await importState([{ ...rootStack, outputs: { raw: secretOf(await encryptedBytes(bytes)) } }]);
      const { status, html } = await page(cookie, `${STACK_PATH}/outputs/reveal`, { name: "raw" });
      if (status !== 200) expect([status, html], bytes).toEqual([400, expect.stringContaining("only the CLI can show it") as string]);
    }
    expect((await page(cookie, `${STACK_PATH}/outputs/reveal`)).status).toBe(404);
    expect((await page(await signIn(world.billing), `${STACK_PATH}/outputs/reveal`, { name: "key" })).status).toBe(403);
    expect((await page(await signIn(world.stranger), `${STACK_PATH}/outputs/reveal`, { name: "key" })).status).toBe(404);
  });
});

describe("resources", () => {
  const RESOURCES = `${STACK_PATH}/resources`;
  const names = (html: string) => [...html.matchAll(/\/resource\?urn=[^"]*">([^<]*)<\/a>/g)].map(([, name]) => name);

  it("are a tree in natural order, whatever they are called", async () => {
    await newStack(world.member);
    const cookie = await signIn(world.member);
    expect((await page(cookie, RESOURCES)).html).toContain("No resources yet");
    const first = { ...component("a-10"), parent: rootStack.urn };
    const second = { ...component("b<b>x</b>"), parent: first.urn, dependencies: [first.urn], custom: true, id: hostile };
    await importState([rootStack, first, second, { ...component("a-9"), parent: rootStack.urn }]);
    const { html } = await page(cookie, RESOURCES);
    expect(names(html)).toEqual(["web-dev", "a-9", "a-10", "b&lt;b&gt;x&lt;/b&gt;"]);
    expect(html).toContain("1–4 of 4");
  });

  it("are shown 200 at a time, as a tree or as a list, and each page continues where the one before ended", async () => {
    await newStack(world.member);
    const cookie = await signIn(world.member);
    const many = Array.from({ length: 449 }, (_, i) => ({ ...component(`thing-${i}`), parent: rootStack.urn }));
    await importState([rootStack, ...many]);
    for (const view of ["", "?view=list"]) {
      const seen: (string | undefined)[] = [];
      const counts: string[] = [];
      for (let next: string | undefined = RESOURCES + view; next !== undefined;) {
        const { html } = await page(cookie, next);
        counts.push(/\d+–\d+ of \d+/.exec(html)![0]);
        if (view === "" && seen.length > 0) expect(html).toContain("Continues below");
        seen.push(...names(html).filter((name) => name !== "web-dev" || seen.length === 0));
        next = /href="([^"]*)">Next page/.exec(html)?.[1]?.replaceAll("&amp;", "&");
      }
      expect(counts).toEqual(["1–200 of 450", "201–400 of 450", "401–450 of 450"]);
      const things = many.map((_, i) => `thing-${i}`);
      expect(seen.filter((name) => name !== "web-dev")).toEqual(things);
    }
    for (const odd of ["?from=0", "?from=x", "?from=99999999", "?from=999999", "?view=x"])
      expect((await page(cookie, RESOURCES + odd)).status, odd).toBe(200);
  });

  it("are filtered by words of the name, type, URN and id", async () => {
    await newStack(world.member);
    const cookie = await signIn(world.member);
    const bucket = { ...component("Assets"), type: "aws:s3/bucket:Bucket", urn: "urn:pulumi:dev::web::aws:s3/bucket:Bucket::Assets" };
    await importState([rootStack, { ...bucket, custom: true, id: "acme-assets-1234" }, component("queue")]);
    const found = async (filter: string) => names((await page(cookie, `${RESOURCES}?filter=${encodeURIComponent(filter)}`)).html);
    expect(await found("s3/BUCKET")).toEqual(["Assets"]);
    expect(await found("assets aws:")).toEqual(["Assets"]);
    expect(await found("1234")).toEqual(["Assets"]);
    expect(await found(bucket.urn)).toEqual(["Assets"]);
    expect(await found("dev::web")).toHaveLength(3);
    expect(await found('"><script>alert(1)</script>')).toEqual([]);
    const { html } = await page(cookie, `${RESOURCES}?filter=assets`);
    expect(html).toContain("1–1 of 1 that match, of 3");
    expect((await page(cookie, `${RESOURCES}?filter=${"x".repeat(9000)}`)).html).toContain("No resource matches");
  });
});

/** The bindings of the tests are the same objects for all, so a test can watch what the Worker reads. */
it("pages of resources read a state once, and then only the bytes of the resource that they show", async () => {
  await newStack(world.member);
  const cookie = await signIn(world.member);
  const [a, b] = [component("a", { size: 3 }), component("b", { size: 4 })];
  await importState([rootStack, { ...a, parent: rootStack.urn }, { ...b, dependencies: [a.urn] }]);
  const reads: number[] = [];
  const get = env.STATE.get.bind(env.STATE);
  const spy = vi.spyOn(env.STATE, "get").mockImplementation((async (key: string, options?: R2GetOptions) => {
    const object = await get(key, options);
    if (key.startsWith("state/")) reads.push(options?.range ? (options.range as { length: number }).length : object!.size);
    return object;
  }) as typeof env.STATE.get);
  onTestFinished(() => spy.mockRestore());
  const linkTo = (urn: string) => `${STACK_PATH}/resource?urn=${encodeURIComponent(urn)}`;
  for (const path of ["resources", "resources?view=list", "resources?filter=b"])
    expect((await page(cookie, `${STACK_PATH}/${path}`)).html).toContain(`href="${linkTo(b.urn)}"`);
  expect(reads).toHaveLength(1);
  const { html } = await page(cookie, linkTo(a.urn));
  expect(html).toContain("Its dependents");
  expect(html).toMatch(/size<\/th><td><pre[^>]*>3</);
  expect(reads).toHaveLength(2);
  expect(reads[1]).toBeLessThan(200);
  // Each version has its own outline.
  await importState([rootStack, component("new")]);
  expect((await page(cookie, `${STACK_PATH}/resources`)).html).toContain("1–2 of 2");
  expect((await page(cookie, linkTo(a.urn))).status).toBe(404);
});

describe("a resource", () => {
  const first = { ...component("a"), parent: rootStack.urn };
  const linkTo = (urn: string) => `${STACK_PATH}/resource?urn=${encodeURIComponent(urn)}`;

  it("shows its properties without secrets, and links to what is around it", async () => {
    await newStack(world.member);
    const cookie = await signIn(world.member);
    const inputs = { size: 3, name: hostile, key: secretOf("AAAA"), inner: { deep: [secretOf("BBBB")] } };
    const second = { ...component("b"), parent: first.urn, dependencies: [first.urn], custom: true, id: hostile, inputs, protect: true };
    const third = { ...component("c"), parent: rootStack.urn, dependencies: [second.urn] };
    await importState([rootStack, first, second, third]);
    expect((await page(cookie, `${STACK_PATH}/resources`)).html).toContain(`href="${linkTo(second.urn)}"`);
    const events = await eventsOf(async () => {
      const { html } = await page(cookie, linkTo(second.urn));
      expect(html).toContain("&lt;script&gt;");
      expect(html).toContain("protected");
      expect(html.match(/\[secret\]/g)).toHaveLength(2);
      for (const hidden of ["AAAA", "BBBB", "<script>alert"]) expect(html).not.toContain(hidden);
      for (const near of [first.urn, third.urn]) expect(html).toContain(`href="${linkTo(near)}"`);
    });
    expect(events.map(({ event }) => event)).toEqual(["stack-exported"]);
    expect((await page(cookie, linkTo(first.urn))).html).toContain("Its children");
  });

  it("shows its values over several lines, its provider, and when it was changed", async () => {
    await newStack(world.member);
    const cookie = await signIn(world.member);
    const provider = {
      ...component("prov"),
      type: "pulumi:providers:aws",
      urn: "urn:pulumi:dev::web::pulumi:providers:aws::prov",
      custom: true,
      id: "77",
    };
    const inputs = { policy: '{"Version":"2012","n":[]}', nested: { a: "BIG", b: [true, { "c{": '},"' }] }, plain: "{not json" };
    const one = {
      ...component("b"),
      parent: rootStack.urn,
      custom: true,
      id: "i",
      inputs,
      provider: `${provider.urn}::77`,
      modified: "2026-01-02T03:04:05Z",
    };
    const state = JSON.stringify(deploymentOf([rootStack, provider, one] as never)).replace('"BIG"', "9007199254740993");
    await ok("POST", `/api/stacks${STACK_PATH}/import`, { token: world.member, body: state });
    const html = (await page(cookie, linkTo(one.urn))).html.replaceAll("&quot;", '"');
    expect(html).toContain('{\n  "Version": "2012",\n  "n": []\n}');
    expect(html).toContain('{\n  "a": 9007199254740993,\n  "b": [\n    true,\n    {\n      "c{": "},\\""\n    }\n  ]\n}');
    expect(html).toContain(">{not json<");
    expect(html).toContain(`href="${linkTo(provider.urn)}">prov</a>`);
    expect(html).toContain('datetime="2026-01-02T03:04:05.000Z"');
  });

  it("reveals one secret to those who may decrypt, in an answer that is kept nowhere, and records it", async () => {
    await newStack(world.member);
    const cookie = await signIn(world.member);
    const inputs = {
      key: secretOf(await encrypted("s3cret<b>")),
      conn: { host: "db", password: secretOf(await encrypted("pw")) },
      foreign: secretOf("v1:x:y"),
    };
    // A secret without a ciphertext, as an import may have one, is masked as well.
    const bare = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: '"bare"' };
    const one = { ...component("b"), parent: rootStack.urn, inputs, outputs: { key: inputs.key, bare: { deep: bare } } };
    await importState([rootStack, one]);
    const { html } = await page(cookie, linkTo(one.urn));
    expect(html.replaceAll("&quot;", '"')).toContain('"host": "db",\n  "password": "[secret]"');
    for (const hidden of ["bare\\", "v1:", "s3cret"]) expect(html).not.toContain(hidden);
    expect(html.match(/\[secret\]/g)).toHaveLength(5);
    const reveal = (form: Record<string, string>, as = cookie) =>
      page(as, `${STACK_PATH}/resource/reveal`, { urn: one.urn, part: "inputs", ...form });
    const events = await eventsOf(async () => {
      const done = await reveal({ name: "key" });
      expect(done.html).toContain("s3cret&lt;b&gt;");
      expect(done.headers.get("Cache-Control")).toBe("no-store");
    });
    expect(events.map(({ event }) => event).sort()).toEqual(["secret-decrypted", "stack-exported"]);
    expect((await reveal({ name: "conn" })).html).toContain("pw");
    expect((await reveal({ name: "key", part: "outputs" })).html).toContain("s3cret");
    expect((await reveal({ name: "foreign" })).status).toBe(400);
    expect((await reveal({ name: "none" })).status).toBe(404);
    expect((await reveal({ name: "key", urn: "x".repeat(9000) })).status).toBe(404);
    expect((await reveal({ name: "key" }, await signIn(world.billing))).status).toBe(403);
    expect((await reveal({ name: "key" }, await signIn(world.stranger))).status).toBe(404);
  });

  it("has a history: the updates that changed it, with the properties that changed", async () => {
    await newStack(world.member);
    const cookie = await signIn(world.member);
    const history = (urn: string) => page(cookie, `${STACK_PATH}/resource/history?urn=${encodeURIComponent(urn)}`);
    expect((await history(first.urn)).html).toContain("No update has run yet");
    const step = (sequence: number, op: string, urn: string, more = {}) => ({
      sequence,
      timestamp: 1,
      resOutputsEvent: { metadata: { op, urn, ...more } },
    });
    const run = async (events: unknown[], resourceChanges: Record<string, number>) => {
      const update = await startUpdate(world.member);
      const summary = { sequence: 90, timestamp: 1, summaryEvent: { resourceChanges } };
      await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events: [...events, summary] } });
      await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    };
    await run([step(0, "create", first.urn), step(1, "create", "urn:other")], { create: 2 });
    await run([step(0, "same", first.urn), step(1, "update", "urn:other")], { same: 1, update: 1 });
    await run([step(0, "update", first.urn, { detailedDiff: { "tags.<b>": {}, size: {} } }), step(1, "same", "urn:other")], {
      same: 1,
      update: 1,
    });
    const { html } = await history(first.urn);
    expect([...html.matchAll(/<th scope="row"><a href="([^"]*)"/g)].map(([, href]) => href)).toEqual([
      `${STACK_PATH}/updates/3`,
      `${STACK_PATH}/updates/1`,
    ]);
    expect(html).toContain("tags.&lt;b&gt;, size");
    expect(html).toContain("versions 1 to 3");
    for (const urn of ["", hostile, "x".repeat(9000)]) expect((await history(urn)).html).toContain("No update that was searched");
    await env.DB.prepare("UPDATE updates SET version = version + 100, resource_changes = ?").bind('{"same":30000,"create":1}').run();
    expect((await history(first.urn)).html).toContain("Older updates are not searched");
  });

  it("is 404 for an unknown URN and a foreign reader, and 403 without the right", async () => {
    await newStack(world.member);
    await importState([rootStack, first]);
    for (const urn of ["", "nothing", hostile, "x".repeat(9000)])
      expect((await page(await signIn(world.member), linkTo(urn))).status, urn.slice(0, 20)).toBe(404);
    expect((await page(await signIn(world.stranger), linkTo(first.urn))).status).toBe(404);
    expect((await page(await signIn(world.billing), linkTo(first.urn))).status).toBe(403);
  });

  it("has a page of at most 100 KB, whatever is around it", async () => {
    await newStack(world.member);
    const long = (i: number) => component(`${"<\u20ac>".repeat(400)}${i}`);
    const around = Array.from({ length: 80 }, (_, i) => ({ ...long(i), parent: first.urn, dependencies: [first.urn] }));
    const properties = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${"<".repeat(200)}${i}`, '"'.repeat(3000)]));
    await importState([rootStack, { ...first, inputs: properties, outputs: properties }, ...around]);
    const { status, html } = await page(await signIn(world.member), linkTo(first.urn));
    expect([status, new TextEncoder().encode(html).length < 100_000]).toEqual([200, true]);
    expect(html).toMatch(/and \d+ more/);
  });
});

describe("an update's page", () => {
  const urn = (name: string) => `urn:pulumi:dev::web::my:index:Thing::${name}`;
  const step = (sequence: number, name: string, failed = false) => ({
    sequence,
    timestamp: 1,
    [failed ? "resOpFailedEvent" : "resOutputsEvent"]: { metadata: { op: "create", urn: urn(name) } },
  });
  const says = (sequence: number, severity: string, message: string, more = {}) => ({
    sequence,
    timestamp: 1,
    diagnosticEvent: { urn: urn("a"), severity, message, ...more },
  });
  let cookie: string;
  beforeEach(async () => {
    await newStack(world.member);
    cookie = await signIn(world.member);
  });

  it("refreshes while it runs, and shows its steps and messages without colours or markup", async () => {
    const update = await startUpdate(world.member);
    const send = (...events: unknown[]) => ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events } });
    expect((await page(cookie, `${STACK_PATH}/updates/1`)).html).toContain('id="progress" data-live=""');
    await send(
      step(0, hostile),
      step(1, "broken", true),
      says(2, "info#err", "<{%fg 1%}>red<{%reset%}> \u001b[31mtoo\u001b[0m\u202e\n"),
      says(3, "error", hostile),
      says(4, "debug", "not for people"),
      says(5, "info", "a spinner", { ephemeral: true }),
      { sequence: 6, timestamp: 1, diagnosticEvent: { urn: 1, severity: null, message: { no: "text" } } },
      { sequence: 7, timestamp: 1, resOutputsEvent: { metadata: { op: "x".repeat(5000), urn: urn("z") } } },
      { sequence: 8, timestamp: 1, policyEvent: { policyName: "p<b>", message: "bad", enforcementLevel: "mandatory" } },
    );
    const { html } = await page(cookie, `${STACK_PATH}/updates/1`);
    expect(html).toContain("red too\n");
    expect(html).toContain("**creating failed**");
    expect(html).toContain("p&lt;b&gt;: bad");
    expect(html).toContain("&lt;script&gt;");
    for (const hidden of ["not for people", "a spinner", "xxxxx"]) expect(html).not.toContain(hidden);
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "failed" } });
    const after = (await page(cookie, `${STACK_PATH}/updates/1`)).html;
    expect(after).not.toContain("data-live");
    expect(after).toContain("Update failed");
  });

  it("shows who started it, its environment and its configuration, and no secret", async () => {
    const { tokenValue } = await newOrgToken(world, "jenkins");
    const json = {
      name: "web",
      runtime: "yaml",
      main: "",
      description: "",
      options: {},
      config: {
        "web:plain": { string: "<b>5</b>", secret: false, object: false },
        "web:key": { string: "v1:CIPHER", secret: true, object: false },
      },
      metadata: { message: hostile, environment: { "git.head": "abc123", "vcs.url": "javascript:alert(1)" } },
    };
    const { updateID } = await ok<{ updateID: string }>("POST", `/api/stacks${STACK_PATH}/preview`, { token: tokenValue, json });
    const started = await ok<{ token: string }>("POST", `/api/stacks${STACK_PATH}/preview/${updateID}`, { token: tokenValue, json: {} });
    await ok("POST", `/api/stacks${STACK_PATH}/preview/${updateID}/complete`, { lease: started.token, json: { status: "succeeded" } });
    const { html } = await page(cookie, `${STACK_PATH}/previews/${updateID}`);
    for (const shown of ["token jenkins", "abc123", "javascript:alert(1)", "&lt;b&gt;5&lt;/b&gt;", "[secret]", "Preview succeeded"])
      expect(html).toContain(shown);
    expect(html).not.toContain("CIPHER");
    expect((await page(cookie, `${STACK_PATH}/settings/options`)).html).not.toContain("CIPHER");
    expect((await page(cookie, `${STACK_PATH}/updates/${updateID}`)).status).toBe(404);
  });

  it("colors operations, counts errors, and has the root resource of a failed update", async () => {
    const update = await startUpdate(world.member);
    const root = "urn:pulumi:dev::web::pulumi:pulumi:Stack::web-dev";
    const event = (sequence: number, kind: string, op: string, name: string, more = {}) => ({
      sequence,
      timestamp: 1,
      [kind]: { metadata: { op, urn: urn(name), new: { parent: root }, ...more } },
    });
    const events = [
      event(0, "resOutputsEvent", "create", "made"),
      event(1, "resOutputsEvent", "delete", "gone", { old: { parent: root } }),
      event(2, "resOpFailedEvent", "create", "a"),
      says(3, "error", "no quota"),
      { sequence: 4, timestamp: 1, diagnosticEvent: { urn: root, severity: "error", message: "update failed" } },
    ];
    await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events } });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "failed" } });
    const { html } = await page(cookie, `${STACK_PATH}/updates/1`);
    expect(html).toMatch(/pulumi:pulumi:Stack +web-dev +\*\*failed\*\* 1 error/);
    expect(html).toMatch(/<b class="good"> \+ +├─ my:index:Thing +made +created<\/b>/);
    expect(html).toMatch(/<b class="bad"> - +├─ my:index:Thing +gone +deleted<\/b>/);
    expect(html).toMatch(/<b class="bad"> \+ +└─ my:index:Thing +a +\*\*creating failed\*\* 1 error<\/b>/);
    expect(html).toContain("1 errored");
    const summary = `/api/console/stacks${STACK_PATH}/updates/${update.id}/summary`;
    expect(await ok("GET", summary, { token: world.member })).toMatchObject({
      summary: expect.stringMatching(/web-dev +\*\*failed\*\*\n.*creating failed.* 1 errored\n/s) as string,
    });
  });

  it("shows differences of properties as the engine sent them, without secrets, and whatever they are", async () => {
    const update = await startUpdate(world.member);
    const metadata = {
      op: "update",
      urn: urn("a"),
      old: { inputs: { tags: { "a.b": "x" }, list: [1, 2], gone: 1, key: secretOf("AAAA") }, outputs: { size: 1 } },
      new: { inputs: { tags: { "a.b": hostile }, list: [1, 3], size: 2, key: secretOf("BBBB") } },
      detailedDiff: {
        'tags["a.b"]': { kind: "update", inputDiff: true },
        "list[1]": { kind: "update-replace", inputDiff: true },
        gone: { kind: "delete", inputDiff: true },
        size: { kind: "update", inputDiff: false },
        key: { kind: "update", inputDiff: true },
        "__proto__.x": { kind: "update", inputDiff: true },
        odd: 5,
      },
    };
    const events = [
      { resOutputsEvent: { metadata } },
      {
        resOutputsEvent: {
          metadata: { op: "update", urn: urn("b"), diffs: ["n", 7], old: { inputs: {} }, new: { inputs: { n: { z: 1 } } } },
        },
      },
      { resOutputsEvent: { metadata: { op: "update", urn: urn("c"), diffs: "x", old: 5, new: [], detailedDiff: [1] } } },
    ].map((event, sequence) => ({ sequence, timestamp: 1, ...event }));
    await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events } });
    const { html } = await page(cookie, `${STACK_PATH}/updates/1`);
    for (const line of [
      /~ tags\[&quot;a\.b&quot;\]<\/b>: x =&gt; &quot;&gt;&lt;script&gt;/,
      /~ list\[1\]<\/b>: 2 =&gt; 3 \(replaces\)/,
      /- gone<\/b>: 1\n/,
      /~ size<\/b>: 1 =&gt; 2/,
      /~ key<\/b>: \[secret\] =&gt; \[secret\]/,
      /\+ n<\/b>: {&quot;z&quot;:1}/,
    ])
      expect(html).toMatch(line);
    expect(html).not.toMatch(/AAAA|BBBB/);
  });

  it("shows what is different in its configuration, and links to its source", async () => {
    const run = async (config: object, environment: object) => {
      const update = await startUpdate(world.member);
      await env.DB.prepare("UPDATE updates SET config = ?, environment = ? WHERE id = ?")
        .bind(JSON.stringify(config), JSON.stringify(environment), update.id)
        .run();
      await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    };
    const value = (string: string, secret = false) => ({ string, secret, object: false });
    await run({ "web:a": value("1"), "web:gone": value("g"), "web:key": value("v1:AAAA", true), "web:same": value("s") }, {});
    const source = {
      "git.head": "1f0c3a4b5c6d",
      "git.headName": "refs/heads/fix/x",
      "vcs.kind": "github.com",
      "vcs.owner": "acme",
      "vcs.repo": "shop",
    };
    const ci = {
      "ci.system": "GitHub",
      "ci.build.number": "7",
      "ci.build.url": "https://github.com/acme/shop/actions/runs/7",
      "ci.pr.number": "12",
    };
    await run(
      { "web:a": value("2"), "web:new": value("n"), "web:key": value("v1:BBBB", true), "web:same": value("s") },
      { ...source, ...ci },
    );
    for (const path of [`${STACK_PATH}/updates/2`, STACK_PATH]) {
      const { html } = await page(cookie, path);
      const text = html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
      expect(text, path).toMatch(
        /web:a changed 2 before: 1 .*web:new new n .*web:key changed \[secret\] before: \[secret\].*web:gone removed – before: g .*web:same s/,
      );
      expect(html).not.toMatch(/AAAA|BBBB/);
      for (const href of ["commit/1f0c3a4b5c6d", "tree/fix/x", "pull/12", "actions/runs/7"])
        expect(html, path).toContain(`href="https://github.com/acme/shop/${href}" rel="noopener noreferrer nofollow"`);
    }
    expect((await page(cookie, `${STACK_PATH}/updates/1`)).html).not.toContain("before:");
    expect((await page(cookie, STACK_PATH)).html.replaceAll(/<[^>]*>/g, " ")).toMatch(
      /Status\s+succeeded\s+Update 2.*Last update by\s+mel.*Version\s+2\s+Resources\s+0/s,
    );
  });

  it("says when the state does not have what the update wrote, and what the reader can do", async () => {
    const update = await startUpdate(world.member);
    await journal(update);
    const repair = breakReplay();
    await ok("POST", `${update.path}/cancel`, { token: world.member });
    repair();
    const { html } = await page(cookie, `${STACK_PATH}/updates/1`);
    expect(html).toContain("The stack has the state from before this update. Its journal could not be replayed.");
    expect(html).toContain("npm run journal");
  });

  it("is 404 for another organization, and for an id that is not an update", async () => {
    await importState([rootStack]);
    expect((await page(cookie, `${STACK_PATH}/updates/1`)).status).toBe(200);
    for (const odd of ["0", "2", "x", "1.5", "-1", "99999999999"])
      expect((await page(cookie, `${STACK_PATH}/updates/${odd}`)).status, odd).toBe(404);
    expect((await page(cookie, `${STACK_PATH}/previews/none`)).status).toBe(404);
    expect((await page(await signIn(world.stranger), `${STACK_PATH}/updates/1`)).status).toBe(404);
    expect((await page(await signIn(world.billing), `${STACK_PATH}/updates/1`)).status).toBe(403);
  });

  it("stays small however many steps and messages the update has", async () => {
    const update = await startUpdate(world.member);
    const events = Array.from({ length: 150 }, (_, i) => [
      step(2 * i, `a-thing-with-a-long-name-${"x".repeat(300)}-${i}`),
      says(2 * i + 1, i % 2 ? "info" : "warning", `line ${i} ${"<".repeat(500)}\n`),
    ]).flat();
    await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events } });
    const { html } = await page(cookie, `${STACK_PATH}/updates/1`);
    expect(html).toContain("Earlier messages are not shown");
    expect(html).toContain("line 149 ");
    expect(html).not.toContain("line 1 ");
    expect(html.length).toBeLessThan(250_000);
  });
});
