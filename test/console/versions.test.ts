import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { baseText } from "../state/arbitrary.ts";
import { eventsOf } from "../support/audit.ts";
import { type Visitor, fieldsOf, newVisitor, shown, signIn } from "../support/browser.ts";
import { call, ok } from "../support/client.ts";
import { component, deploymentOf, rootStack } from "../support/deployment.ts";
import { type World, newStack, newWorld, startUpdate } from "../support/world.ts";

const STACK = "/acme/web/dev";
const API = `/api/stacks${STACK}`;
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>`;
const secretOf = (ciphertext: string) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext });
/** A state with numbers beyond 2^53, and with an order and a spelling that a parser would not keep. */
const odd = `{ "deployment" : {"resources":[\n{"urn":"urn:pulumi:dev::web::a:b:C::x","custom":false,"type":"a:b:C","inputs":{"b":9007199254740993,"a":1.0,"10":1e400,
 "__proto__":{"x":1},"constructor":"\\u003cé\\u2028"}}],"manifest":{"version":"","magic":"","time":"2026-01-01T00:00:00Z"},"futureKey":[1,2]},"version":3}`;

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
  await newStack(world.member);
});

const importState = (resources: unknown[]) => ok("POST", `${API}/import`, { token: world.member, json: deploymentOf(resources as never) });
const exported = async (version = "") => (await call("GET", `${API}/export${version}`, { token: world.member })).text();
const textOf = (html: string) => html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");

/** States of any spelling, whose manifest the CLI would accept. */
const states = baseText({ aliases: true }).map((text) => text.replace('"version":"v3.1.0"', '"version":""'));

const updateCount = () => env.DB.prepare("SELECT count(*) AS count FROM updates").first("count");

/** Opens the page that asks for confirmation, and presses its button. */
async function restore(version: number): Promise<Response> {
  const html = await shown(admin.get(`${STACK}/restore?version=${version}`));
  return admin.post(`${STACK}/restore`, fieldsOf(html, `${STACK}/restore`));
}

describe("a comparison", () => {
  it("shows what was added, changed and removed, without secrets, and is one export", async () => {
    await importState([rootStack, component("gone"), component("x", { size: 1, name: hostile, key: secretOf("AAAA") })]);
    await importState([rootStack, component("new<b>"), component("x", { size: 2, name: "plain", key: secretOf("BBBB") })]);
    const link = /href="([^"]*\/compare[^"]*)"/.exec(await shown(admin.get(`${STACK}/updates/2`)))![1]!.replaceAll("&amp;", "&");
    expect(link).toBe(`${STACK}/compare?from=1&to=2`);
    const events = await eventsOf(async () => {
      const html = await shown(admin.get(link));
      expect(textOf(html)).toContain("1 added, 1 changed, 1 removed, 1 unchanged.");
      expect(html).toContain("new&lt;b&gt;");
      expect(html).toContain("&lt;script&gt;");
      expect(html).toContain("[secret], changed");
      expect(html).not.toMatch(/AAAA|BBBB|<img|<script>alert/);
      expect(textOf(html)).toMatch(/inputs\.size 1 2 /);
    });
    expect(events).toMatchObject([
      { event: "stack-exported", description: 'Exported the state of stack "acme/web/dev" at versions 1 and 2, to compare them.' },
    ]);
    expect(await eventsOf(() => shown(admin.get(`${STACK}/compare`)))).toEqual([]);
  });

  it("compares a state from before a rename with one of afterwards", async () => {
    await importState([rootStack, component("x")]);
    await ok("POST", `${API}/rename`, { token: world.member, json: { newName: "prod", newProject: "" } });
    expect(textOf(await shown(admin.get("/acme/web/prod/compare?from=1&to=2")))).toContain("0 added, 0 changed, 0 removed, 2 unchanged.");
  });

  it("refuses versions that are not there, and readers without the right", async () => {
    await importState([rootStack]);
    const events = await eventsOf(async () => {
      await shown(admin.get(`${STACK}/compare?from=1&to=2`), 404);
      await shown(admin.get(`${STACK}/compare?from=0&to=1`), 404);
      for (const query of ["from=1", "from=x&to=1", "from=1&to=-1", "from=1&to=1.5", "from=9999999999&to=1"])
        await shown(admin.get(`${STACK}/compare?${query}`), 400);
    });
    expect(events).toEqual([]);
    for (const page of ["compare?from=1&to=1", "state?version=1", "restore?version=1"]) {
      await shown((await signIn(world.billing)).get(`${STACK}/${page}`), 403);
      await shown((await signIn(world.stranger)).get(`${STACK}/${page}`), 404);
      expect((await newVisitor().get(`${STACK}/${page}`)).status).toBe(303);
    }
  });

  it("has a page of at most 100 KB of 10,000 resources that have all changed", { timeout: 60_000 }, async () => {
    const many = (size: number) => [
      rootStack,
      ...Array.from({ length: 10_000 }, (_, i) =>
        component(`${"<".repeat(i < 50 ? 500 : 5)}${i}`, { size, text: `${size}"`.repeat(i < 50 ? 300 : 1) }),
      ),
    ];
    await importState(many(1));
    await importState(many(2));
    const html = await shown(admin.get(`${STACK}/compare?from=1&to=2`));
    expect(textOf(html)).toContain("0 added, 10000 changed, 0 removed, 1 unchanged.");
    expect(html).toMatch(/and \d+ more/);
    expect(new TextEncoder().encode(html).length).toBeLessThan(100_000);
  });
});

it("a state is downloaded byte for byte as a file, and that is an export", async () => {
  await ok("POST", `${API}/import`, { token: world.member, body: odd });
  await importState([rootStack]);
  const events = await eventsOf(async () => {
    const answer = await admin.get(`${STACK}/state?version=1`);
    expect([answer.status, await answer.text()]).toEqual([200, odd]);
    expect(answer.headers.get("Content-Disposition")).toBe('attachment; filename="web-dev-1.json"');
    expect([answer.headers.get("Content-Type"), answer.headers.get("Cache-Control")]).toEqual(["application/json", "no-store"]);
    for (const version of ["3", "0", "x", ""]) await shown(admin.get(`${STACK}/state?version=${version}`), 404);
  });
  expect(events).toMatchObject([{ event: "stack-exported", description: 'Exported the state of stack "acme/web/dev" at version 1.' }]);
});

describe("restoring a version", () => {
  it("makes it the next version, byte for byte, and is an event that says so", async () => {
    await ok("POST", `${API}/import`, { token: world.member, body: odd });
    await importState([rootStack, component("later")]);
    const events = await eventsOf(async () => {
      const answer = await restore(1);
      expect([answer.status, answer.headers.get("Location")]).toEqual([303, STACK]);
      expect(await shown(admin.with(answer).get(STACK))).toContain("Version 1 was restored as a new version.");
    });
    expect(events).toMatchObject([
      {
        event: "stack-version-restored",
        userLogin: "ada",
        stack: "web/dev",
        description: expect.stringMatching(/^Restored version 1 of the state of stack "acme\/web\/dev" \([0-9a-f-]{36}\)\.$/),
      },
    ]);
    expect(await exported()).toBe(odd);
    expect(await exported("/3")).toBe(odd);
    expect(await ok("GET", `${API}/updates/latest`, { token: world.member })).toMatchObject({
      info: { kind: "import", version: 3, message: "Restored version 1", resourceCount: 1, result: "succeeded" },
    });
    // The state can be used: the next update starts from it.
    await startUpdate(world.member);
  });

  it("gives back every state as it was", { timeout: 120_000 }, async () => {
    let version = 0;
    await fc.assert(
      fc.asyncProperty(states, async (text) => {
        const taken = await call("POST", `${API}/import`, { token: world.member, body: text });
        fc.pre(taken.status === 200);
        const original = ++version;
        const before = await exported();
        await importState([rootStack]);
        expect((await restore(original)).status).toBe(303);
        version += 2;
        expect(await exported()).toBe(before);
        expect(before).toBe(text);
      }),
      { numRuns: 8 * inject("sizes").runs },
    );
  });

  it("is refused while an update runs, and after another version came", async () => {
    await importState([rootStack]);
    await importState([rootStack, component("a")]);
    const form = fieldsOf(await shown(admin.get(`${STACK}/restore?version=1`)), `${STACK}/restore`);
    const update = await startUpdate(world.member);
    expect(await shown(admin.get(`${STACK}/restore?version=1`))).toContain("A version can be restored only when no update runs.");
    const events = await eventsOf(async () => {
      const html = await shown(admin.post(`${STACK}/restore`, form), 409);
      expect(html).toContain("An update of this stack is in progress, so nothing was restored.");
    });
    expect([events, await updateCount()]).toEqual([[], 3]);
    await ok("POST", `${update.path}/cancel`, { token: world.member });
    await importState([rootStack]);
    expect(await shown(admin.post(`${STACK}/restore`, form), 409)).toContain("The stack has a new version since this page was opened.");
  });

  it("is for administrators who may import; nothing else is shown or done", async () => {
    await importState([rootStack]);
    await importState([rootStack, component("a")]);
    const form = { version: "1", latest: "2" };
    const member = await signIn(world.member);
    for (const visitor of [member, await signIn(world.billing)]) {
      await shown(visitor.get(`${STACK}/restore?version=1`), 403);
      await shown(visitor.post(`${STACK}/restore`, form), 403);
    }
    expect(await shown(member.get(`${STACK}/restore?version=1`), 403)).toContain("Only administrators of the organization");
    await shown((await signIn(world.stranger)).post(`${STACK}/restore`, form), 404);
    await shown(admin.post(`${STACK}/restore`, form, { "Sec-Fetch-Site": "cross-site" }), 403);
    for (const version of ["0", "3", "x", ""]) await shown(admin.post(`${STACK}/restore`, { ...form, version }), 404);
    expect(await shown(member.get(`${STACK}/updates/1`))).not.toContain(`${STACK}/restore`);
    expect(await shown(member.get(`${STACK}/updates/1`))).toContain("pulumi stack import --stack acme/web/dev");
    expect(await updateCount()).toBe(2);
  });

  it("restores a state of before a rename with the new names, and with secrets that can be decrypted", async () => {
    const { ciphertext } = await ok<{ ciphertext: string }>("POST", `${API}/encrypt`, {
      token: world.member,
      json: { plaintext: btoa('"s3cret"') },
    });
    const provider = { type: "service", state: { url: "https://x", owner: "acme", project: "web", stack: "dev" } };
    const state = {
      version: 3,
      deployment: { secrets_providers: provider, resources: [{ ...rootStack, outputs: { key: secretOf(ciphertext) } }] },
    };
    await ok("POST", `${API}/import`, { token: world.member, json: state });
    await ok("POST", `${API}/rename`, { token: world.member, json: { newName: "prod", newProject: "" } });
    const html = await shown(admin.get("/acme/web/prod/restore?version=1"));
    expect((await admin.post("/acme/web/prod/restore", fieldsOf(html, "/acme/web/prod/restore"))).status).toBe(303);
    const now = await (await call("GET", "/api/stacks/acme/web/prod/export", { token: world.member })).text();
    expect(now).toContain("urn:pulumi:prod::web::pulumi:pulumi:Stack::web-prod");
    expect(await shown(admin.post("/acme/web/prod/outputs/reveal", { name: "key" }))).toContain("s3cret");
  });
});
