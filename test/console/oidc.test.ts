import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { presetKinds } from "../../src/oidc/presets.ts";
import { type Idp, allowing, exchange, exchanged, newIdp, ofTeam, sharedKey } from "../oidc/support/idp.ts";
import { allow, give, newRoleId } from "../roles/roles.ts";
import { eventsOf } from "../support/audit.ts";
import { type Visitor, fieldsOf, shown, signIn } from "../support/browser.ts";
import { call, ok } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newTeam, newWorld } from "../support/world.ts";
import { newPerson } from "../teams/people.ts";

const HERE = "/acme/~/oidc";
const MARKUP = `<i>"x'&</i>`;
const ESCAPED = "&lt;i&gt;&quot;x&#39;&amp;&lt;/i&gt;";

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});

interface Policy {
  decision: string;
  tokenType: string;
  rules: Record<string, string>;
  stacks?: unknown;
}
const policiesOf = async (id: string) =>
  (await ok<{ policies: Policy[] }>("GET", `/api/orgs/acme/auth/policies/oidcissuers/${id}`, { token: world.admin })).policies;
const issuers = async () =>
  (await ok<{ oidcIssuers: { id: string; name: string; url: string }[] }>("GET", "/api/orgs/acme/oidc/issuers", { token: world.admin }))
    .oidcIssuers;
const jwks = async () => JSON.stringify({ keys: [(await sharedKey()).jwk] });
const works = async (token: string) => (await call("GET", "/api/user", { token })).status === 200;
const redirect = async (answer: Promise<Response>) => {
  const response = await answer;
  expect(response.status, await response.clone().text()).toBe(303);
  return response.headers.get("Location")!;
};

describe("a preset", () => {
  const action = `${HERE}/new/github-actions`;
  const github = async (more: Record<string, string> = {}) => ({
    ...fieldsOf(await shown(admin.get(action)), action),
    owner: "acme",
    repository: "shop",
    branch: "main",
    ownerId: "1001",
    repositoryId: "2002",
    jwks: await jwks(),
    ...more,
  });

  it("adds a provider with a strict policy, and shows the file for the pipeline with this server's address", async () => {
    expect(await shown(admin.get(HERE))).toContain("Add the first identity provider");
    expect(await shown(admin.get(`${HERE}/new`))).toContain(`href="${action}"`);
    const form = await github({ stacks: "{repository_name}/* infra/dev:read" });
    let page = "";
    const events = await eventsOf(async () => void (page = await shown(admin.post(action, form))));
    expect(events).toMatchObject([{ event: "oidc-issuer-registered", userLogin: "ada" }]);
    for (const part of ["branches: [main]", "id-token: write", "pulumi login https://stackpass.test --oidc-token"])
      expect(page).toContain(part);
    const [issuer] = await issuers();
    expect(issuer).toMatchObject({ name: "github", url: "https://token.actions.githubusercontent.com" });
    expect(await policiesOf(issuer!.id)).toMatchObject([
      {
        decision: "allow",
        rules: { repository: "acme/shop", repository_owner_id: "1001", repository_id: "2002", ref: "refs/heads/main" },
        stacks: [
          { project: "{repository_name}", stack: "*", access: "write" },
          { project: "infra", stack: "dev", access: "read" },
        ],
      },
      { decision: "deny" },
      { decision: "deny" },
    ]);
    const list = await shown(admin.get(HERE));
    expect(list).toContain(`href="${HERE}/${issuer!.id}"`);
  });

  it("adds its policies to a provider that is there already, without repeating what denies", async () => {
    await shown(admin.post(action, await github()));
    const [issuer] = await issuers();
    const again = await shown(admin.post(action, await github({ repository: "site", repositoryId: "3003" })), 409);
    expect(again).toContain("Add its policies to github");
    expect(again).toContain('value="site"');
    const form = { ...fieldsOf(again, action), to: issuer!.id };
    const events = await eventsOf(async () => expect(await shown(admin.post(action, form))).toContain("branches: [main]"));
    expect(events).toMatchObject([{ event: "authorization-policy-updated" }]);
    expect((await policiesOf(issuer!.id)).map(({ decision, rules }) => [decision, rules["repository"] ?? ""])).toEqual([
      ["allow", "acme/shop"],
      ["deny", ""],
      ["deny", ""],
      ["allow", "acme/site"],
    ]);
    const other = await newIdp(world);
    await changesNothing(async () => {
      await shown(admin.post(action, { ...form, to: other.id }), 400);
      await shown(admin.post(action, { ...form, to: "none" }), 404);
    });
  });

  it("of each kind makes an issuer from the fields of its form", async () => {
    for (const kind of presetKinds) {
      const path = `${HERE}/new/${kind}`;
      const form = fieldsOf(await shown(admin.get(path)), path);
      const typed = Object.fromEntries(
        Object.keys(form).flatMap((name) =>
          ["owner", "repository", "branch", "environment", "ownerId", "repositoryId"].includes(name) ? [[name, "one"]] : [],
        ),
      );
      const url: Record<string, string> = "url" in form ? { url: `https://${kind}.example.com` } : {};
      expect(await shown(admin.post(path, { ...form, ...typed, ...url, jwks: await jwks() })), kind).toContain("--oidc-token");
    }
    expect(await issuers()).toHaveLength(presetKinds.length);
  });

  it("keeps what was typed when it is wrong", async () => {
    const faulty: [Record<string, string>, string][] = [
      [{ branch: "", environment: "" }, "a preset of this kind needs a branch or an environment"],
      [{ owner: "" }, "the owner of a preset is a name without * and ?"],
      [{ repository: "*" }, "the repository of a preset is a name without * and ?"],
      [{ repository: "x".repeat(201) }, "Too big"],
      [{ jwks: "{" }, "the body is not valid JSON"],
      [{ jwks: '{"keys": [{"kty": "oct", "k": "secret"}]}' }, "Please correct the marked fields"],
      [{ stacks: "a/b/c" }, "a pattern has 1 to 100 characters"],
      [{ stacks: "{x" }, "Write each pattern as PROJECT/STACK."],
      [{ roleID: "none" }, "Invalid parameter &#39;roleID&#39;."],
      [{ roleID: "read-only", teamName: "ops" }, "a preset has a team or a role"],
      [{ name: "" }, "the issuer name is required"],
    ];
    for (const [wrong, message] of faulty) {
      const form = await github({ environment: MARKUP, ...wrong });
      await changesNothing(async () => {
        const page = await shown(admin.post(action, form), 400);
        expect(page).toContain(message);
        if (!("environment" in wrong)) expect(page).toContain(`value="${ESCAPED}"`);
      });
    }
  });

  it("that does not exist is not a page", async () => {
    for (const kind of ["none", "__proto__", "constructor", "1"]) await shown(admin.get(`${HERE}/new/${kind}`), 404);
  });
});

describe("the settings of a provider", () => {
  it("are made by hand, changed, and the provider is deleted, with what ends", async () => {
    const action = `${HERE}/new/other`;
    const form = fieldsOf(await shown(admin.get(action)), action);
    expect(form["endsSessions"]).toBe("yes");
    const url = "https://ci.example.com";
    const to = await redirect(
      admin.post(action, { ...form, name: MARKUP, url, jwks: await jwks(), audiences: "a\r\nb", maxExpiration: "600" }),
    );
    const page = await shown(admin.get(to));
    for (const part of [ESCAPED, "10 minutes", "this server&#39;s, a, b", "1 registered", "so it exchanges no token"])
      expect(page).toContain(part);

    const settings = `${to}/settings`;
    const untouched = fieldsOf(await shown(admin.get(settings)), settings);
    expect(await eventsOf(() => redirect(admin.post(settings, untouched)))).toEqual([]);
    const events = await eventsOf(() =>
      redirect(admin.post(settings, { ...untouched, name: "ci", singleUse: "yes", thumbprints: "A".repeat(64), endsSessions: "" })),
    );
    expect(events).toMatchObject([{ event: "oidc-issuer-updated" }]);
    const [issuer] = await issuers();
    expect(issuer).toMatchObject({
      name: "ci",
      singleUse: true,
      endsSessions: false,
      thumbprints: ["a".repeat(64)],
      audiences: ["a", "b"],
    });
    // An administrator registered the keys, so they are not read.
    expect(await shown(admin.post(`${settings}/keys`, {}), 400)).toContain("statically configured");

    const remove = `${to}/delete`;
    expect(await shown(admin.get(remove))).toContain("No exchanged token is valid now.");
    await changesNothing(async () => void (await shown(admin.post(remove, { confirmation: "another" }), 400)));
    expect(await redirect(admin.post(remove, { confirmation: "ci" }))).toBe(HERE);
    expect(await issuers()).toEqual([]);
  });

  it("ask before they end tokens, and a deletion says how many end", async () => {
    const idp = await newIdp(world, [allowing()], { audiences: ["a"] });
    const { access_token: token } = await exchanged(await idp.token());
    const settings = `${HERE}/${idp.id}/settings`;
    const form = { ...fieldsOf(await shown(admin.get(settings)), settings), audiences: "" };
    await changesNothing(async () => expect(await shown(admin.post(settings, form), 409)).toContain("This ends 1 exchanged token"));
    expect(await works(token)).toBe(true);
    await redirect(admin.post(settings, { ...form, ends: "yes" }));
    expect(await works(token)).toBe(false);
    await exchanged(await idp.token());
    expect(await shown(admin.get(`${HERE}/${idp.id}/delete`))).toContain("1 exchanged token ends at once");
  });

  it("keep what was typed when it is wrong", async () => {
    const faulty: [Record<string, string>, string][] = [
      [{ name: "" }, "the issuer name is required"],
      [{ maxExpiration: "604801" }, "is at most 604800 seconds"],
      [{ maxExpiration: "1e99" }, "Please correct the marked fields"],
      [{ maxExpiration: "soon" }, "Please correct the marked fields"],
      [{ thumbprints: "zz" }, "a thumbprint is a SHA-256 fingerprint"],
      [{ audiences: "a ".repeat(21) }, "at most 20 elements"],
      [{ jwks: "[]" }, "Please correct the marked fields"],
      [{ jwks: '{"keys": []}' }, "a key set has at least one key"],
    ];
    const { id } = await newIdp(world);
    const settings = `${HERE}/${id}/settings`;
    for (const [wrong, message] of faulty) {
      const form = { ...fieldsOf(await shown(admin.get(settings)), settings), audiences: MARKUP, ...wrong };
      await changesNothing(async () => {
        const page = await shown(admin.post(settings, form), 400);
        expect(page).toContain(message);
        if (!("audiences" in wrong)) expect(page).toContain(ESCAPED);
      });
    }
  });

  it("enable a provider that a revocation has disabled", async () => {
    const idp = await newIdp(world);
    const page = `${HERE}/${idp.id}`;
    await env.DB.prepare("UPDATE oidc_issuers SET disabled_at = ?, version = version + 1 WHERE id = ?").bind(Date.now(), idp.id).run();
    expect((await exchange(await idp.token())).status).toBe(400);
    const shownPage = await shown(admin.get(page));
    expect(shownPage).toContain("because the credential that set it up was revoked");
    await redirect(admin.post(`${page}/enable`, fieldsOf(shownPage, `${page}/enable`)));
    await exchanged(await idp.token());
  });
});

describe("the policies of a provider", () => {
  const definitions = [
    allowing({
      rules: { zeta: "1", '"a.b".c': MARKUP },
      roleID: "read-only",
      stacks: [{ project: "{repository_name}", stack: "*", access: "preview" }],
    }),
    allowing({ rules: { sub: "repo:acme*" }, authorizedPermissions: ["admin", "standard"] }),
    { ...allowing({ tokenType: "team", rules: {} }), teamName: "ops" },
    { ...allowing({ tokenType: "personal", decision: "deny", stacks: [] }), userLogin: "mel" },
  ];
  let idp: Idp;
  let page: string;
  beforeEach(async () => {
    idp = await newIdp(world, definitions);
    page = `${HERE}/${idp.id}`;
  });
  const editOf = (place: number | string) => `${page}/policies/${place}`;
  const formOf = async (place: number | string) => fieldsOf(await shown(admin.get(editOf(place))), editOf(place));

  it("are shown in their order and in words, with a warning that names the attack", async () => {
    const html = await shown(admin.get(page));
    const parts = [
      "An organization token with the role Read Only",
      "<code>{repository_name}/*:preview</code>",
      `<code>&quot;a.b&quot;.c</code> is <code>${ESCAPED}</code>`,
      "or with the role Admin if it asks for the scope admin",
      "somebody can register a name that begins in the same way",
      "A token of the team ops",
      "It has no rules, so it matches every token of this issuer.",
      "everybody with a token of this issuer can use it",
      "A personal token of mel, on these stacks only: none",
    ];
    const places = parts.map((part) => html.indexOf(part));
    expect(places, parts.filter((_, i) => places[i]! < 0).join()).toEqual(places.toSorted((a, b) => a - b));
    expect(Math.min(...places)).toBeGreaterThan(0);
  });

  it("change nothing when their form or their JSON is sent as it came", async () => {
    const before = await policiesOf(idp.id);
    for (const place of [1, 2, 3, 4, "json"]) await redirect(admin.post(editOf(place), await formOf(place)));
    expect(await policiesOf(idp.id)).toEqual(before);
    expect(Object.keys(before[0]!.rules)).toEqual(["zeta", '"a.b".c']);
  });

  it("are added, changed, moved and deleted, each with an event", async () => {
    const added = {
      ...(await formOf("new")),
      claim2: "ref",
      pattern2: "refs/heads/*",
      stacks: "none",
      tokenType: "team",
      teamName: "dev*",
    };
    const move = async (place: number, to: string) => admin.post(`${editOf(place)}/move`, { ...(await formOf(1)), to });
    const events = await eventsOf(async () => {
      expect(await redirect(admin.post(editOf("new"), added))).toBe(page);
      await redirect(admin.post(editOf(2), { ...(await formOf(2)), pattern0: "repo:acme/shop:*", admin: "", ends: "yes" }));
      await redirect(move(5, "up"));
      await redirect(move(1, "down"));
      const confirmation = await shown(admin.get(`${editOf(3)}/delete`));
      await redirect(admin.post(`${editOf(3)}/delete`, fieldsOf(confirmation, `${editOf(3)}/delete`)));
    });
    expect(events.map(({ event }) => event)).toEqual(Array.from({ length: 5 }, () => "authorization-policy-updated"));
    expect(await policiesOf(idp.id)).toMatchObject([
      { rules: { sub: "repo:acme/shop:*" }, authorizedPermissions: ["standard"] },
      { rules: { zeta: "1" } },
      { tokenType: "team", teamName: "dev*", rules: { ref: "refs/heads/*" }, stacks: [] },
      { tokenType: "personal" },
    ]);
    await changesNothing(async () => {
      expect((await move(1, "up")).status).toBe(400);
      expect((await move(4, "down")).status).toBe(400);
    });
  });

  it("keep at least one", async () => {
    const one = await newIdp(world);
    const remove = `${HERE}/${one.id}/policies/1/delete`;
    expect(await shown(admin.get(remove))).toContain("It is the only policy");
    await changesNothing(async () => void (await shown(admin.post(remove, { version: "2" }), 400)));
  });

  it("end tokens only after the reader has confirmed it", async () => {
    const one = await newIdp(world);
    const { access_token: token } = await exchanged(await one.token());
    const edit = `${HERE}/${one.id}/policies/1`;
    const form = { ...fieldsOf(await shown(admin.get(edit)), edit), claim1: "ref", pattern1: "refs/heads/main" };
    let asked = "";
    await changesNothing(async () => void (asked = await shown(admin.post(edit, form), 409)));
    expect(asked).toContain("This ends 1 exchanged token");
    expect(fieldsOf(asked, edit)).toMatchObject({ claim1: "ref" });
    expect(await works(token)).toBe(true);
    const json = `${HERE}/${one.id}/policies/json`;
    const { version } = fieldsOf(await shown(admin.get(json)), json);
    await changesNothing(async () => {
      const policies = JSON.stringify([allowing({ rules: { sub: "another" } })]);
      expect(await shown(admin.post(json, { version: version!, policies }), 409)).toContain("This ends 1 exchanged token");
    });
    await redirect(admin.post(edit, { ...form, ends: "yes" }));
    expect(await works(token)).toBe(false);
  });

  it("are not overwritten by a form that is older than they are", async () => {
    const old = await formOf(1);
    await redirect(admin.post(editOf(2), { ...(await formOf(2)), pattern0: "repo:acme/shop:*", ends: "yes" }));
    await changesNothing(async () => {
      for (const version of [old["version"]!, "", "-1", "1e3", "x", "9".repeat(400)]) {
        const form = { ...old, version, pattern0: "2" };
        expect(await shown(admin.post(editOf(1), form), 409)).toContain("was changed at the same time");
        expect((await admin.post(editOf("json"), { version, policies: JSON.stringify([allowing()]) })).status).toBe(409);
        expect((await admin.post(`${editOf(1)}/delete`, { version })).status).toBe(409);
        expect((await admin.post(`${editOf(1)}/move`, { version, to: "down" })).status).toBe(409);
      }
    });
  });

  it("get more rows for rules, and keep what was typed", async () => {
    const form = await formOf("new");
    await changesNothing(async () => {
      const more = fieldsOf(await shown(admin.post(editOf("new"), { ...form, claim0: MARKUP, more: "yes" })), editOf("new"));
      expect(more).toMatchObject({ rows: "8", claim0: MARKUP, claim7: "" });
      const most = fieldsOf(await shown(admin.post(editOf("new"), { ...form, rows: "1e9", more: "yes" })), editOf("new"));
      expect(most["rows"]).toBe("50");
    });
  });

  it("keep what was typed when it is wrong", async () => {
    const faulty: [Record<string, string>, string][] = [
      [{ claim0: "sub" }, "Rule 1 needs a claim and a pattern."],
      [{ pattern3: "x" }, "Rule 4 needs a claim and a pattern."],
      [{ claim0: "sub", pattern0: "x", claim1: "sub", pattern1: "y" }, "Rule 2 is about the same claim as another rule."],
      [{ claim0: "a..b", pattern0: "x" }, "a claim is a path such as sub"],
      [{ claim0: "sub", pattern0: "x".repeat(501) }, "a pattern has at most 500 characters"],
      [{ stacks: "a/{b" }, "Write each pattern as PROJECT/STACK."],
      [{ stacks: "a/b/c" }, "a pattern has 1 to 100 characters"],
      [{ tokenType: "runner" }, "Please correct the marked fields"],
      [{ decision: "maybe" }, "Please correct the marked fields"],
      [{ tokenType: "team" }, "a team token needs teamName"],
      [{ tokenType: "personal" }, "a personal token needs userLogin"],
      [{ roleID: "none" }, "Invalid parameter"],
      [{ admin: "yes", stacks: "a/*" }, "an admin token cannot be limited to stacks"],
    ];
    for (const [wrong, message] of faulty) {
      const form = { ...(await formOf("new")), userLogin: "", claim2: "other", pattern2: MARKUP, ...wrong };
      await changesNothing(async () => {
        const html = await shown(admin.post(editOf("new"), form), 400);
        expect(html).toContain(message);
        expect(html).toContain(ESCAPED);
      });
    }
  });

  it("are refused as JSON when they are wrong", async () => {
    const faulty: [string, string][] = [
      ["{", "the body is not valid JSON"],
      ["", "the body is not valid JSON"],
      ["{}", "expected array"],
      ["[]", "policy definition can not be empty"],
      ["[1]", "expected object"],
      ['[{"decision": "allow"}]', "tokenType is organization, team or personal"],
      ["[".repeat(2000), "levels of lists and objects"],
      [JSON.stringify(Array.from({ length: 101 }, () => allowing())), "a list of at most 100 elements"],
      [JSON.stringify([allowing({ rules: { [MARKUP.repeat(20)]: "x" } })]), "a claim is a path"],
    ];
    for (const [policies, message] of faulty) {
      const { version } = await formOf("json");
      await changesNothing(async () =>
        expect(await shown(admin.post(editOf("json"), { version: version!, policies }), 400)).toContain(message),
      );
    }
  });

  it("that are not there are not pages", async () => {
    for (const place of ["0", "5", "-1", "1.0", "01", "x", "99999999"]) {
      await shown(admin.get(editOf(place)), 404);
      expect((await admin.post(`${editOf(place)}/delete`, { version: "2" })).status).toBe(404);
    }
  });
});

describe("the sessions of a provider", () => {
  it("are listed with their pipeline and run, and end one by one or all at once", async () => {
    await newTeam(world, "ops");
    const idp = await newIdp(world, [allowing({ rules: {} }), { ...allowing({ tokenType: "team", rules: {} }), teamName: "ops" }]);
    const run = { project_path: "acme/shop", ref: "main", job_id: "77", sub: `repo:${MARKUP}` };
    const tokens = [];
    for (const kind of [{}, ofTeam("ops"), {}]) tokens.push((await exchanged(await idp.token(run), kind)).access_token);
    const sessions = `${HERE}/${idp.id}/sessions`;
    const page = await shown(admin.get(sessions));
    for (const part of [
      "ci:acme/shop@main",
      `repo:${ESCAPED}`,
      `href="${idp.url}/acme/shop/-/jobs/77"`,
      "Token of the team ops",
      "Organization token, Member",
    ])
      expect(page).toContain(part);
    expect(await shown(admin.get(`${HERE}/${idp.id}`))).toContain(`<a href="${sessions}">3</a>`);

    const [ends] = new RegExp(`${sessions}/[^"]+/end`).exec(page.slice(page.indexOf("Token of the team ops")))!;
    expect(await shown(admin.get(ends))).toContain("Token of the team ops ends at once.");
    const events = await eventsOf(() => redirect(admin.post(ends, {})));
    expect(events).toMatchObject([{ event: "oidc-session-ended", description: expect.stringContaining("ci:acme/shop@main") as string }]);
    expect(await Promise.all(tokens.map(works))).toEqual([true, false, true]);
    await shown(admin.get(ends), 404);

    expect(await shown(admin.get(`${sessions}/end`))).toContain("2 exchanged tokens end at once.");
    const all = await eventsOf(() => redirect(admin.post(`${sessions}/end`, {})));
    expect(all).toMatchObject([
      { event: "oidc-session-ended", description: expect.stringContaining("Ended all exchanged tokens") as string },
    ]);
    expect(await Promise.all(tokens.map(works))).toEqual([false, false, false]);
    expect(await shown(admin.get(sessions))).toContain("No exchanged token is valid now.");
    expect(await eventsOf(() => redirect(admin.post(`${sessions}/end`, {})))).toEqual([]);
  });

  it("are no page of another provider, and the provider none of another organization", async () => {
    const [idp, other] = [await newIdp(world), await newIdp(world)];
    const { access_token: token } = await exchanged(await idp.token());
    const { sessions } = await ok<{ sessions: { id: string }[] }>("GET", `/api/orgs/acme/oidc/issuers/${idp.id}/sessions`, {
      token: world.admin,
    });
    const end = (issuer: string, session: string) => `${HERE}/${issuer}/sessions/${session}/end`;
    for (const path of [end(other.id, sessions[0]!.id), end(idp.id, "none"), end("none", sessions[0]!.id), `${HERE}/none/sessions/end`])
      expect([path, (await admin.post(path, {})).status]).toEqual([path, 404]);
    const stranger = await signIn(world.stranger);
    for (const part of ["", "/sessions", "/settings", "/delete", "/test", "/policies/1", "/policies/json"]) {
      const path = `/globex/~/oidc/${idp.id}${part}`;
      expect([path, (await stranger.get(path)).status]).toEqual([path, 404]);
      if (part !== "" && part !== "/sessions") expect([path, (await stranger.post(path, { version: "2" })).status]).toEqual([path, 404]);
    }
    expect((await stranger.post(`/globex/~/oidc/${idp.id}/sessions/end`, {})).status).toBe(404);
    expect(await works(token)).toBe(true);
  });
});

it("a refused exchange is told on the provider's page, with its reason", async () => {
  const idp = await newIdp(world);
  await eventsOf(async () => void (await exchange(await idp.token({ sub: `repo:${MARKUP}` }))));
  const page = await shown(admin.get(`${HERE}/${idp.id}`));
  expect(page).toContain(`sub is &quot;repo:${ESCAPED}&quot;, and must be &quot;repo:acme/shop:*&quot;`);
  // The page of one provider ignores claims of another provider's pipeline.
  const other = await newIdp(world, [], { name: "other" });
  await eventsOf(async () => void (await exchange(await idp.token({ sub: 'x of "other": y' }))));
  expect(await shown(admin.get(`${HERE}/${other.id}`))).toContain("None of late.");
});

it("a reader sees providers and policies as far as their role shows them, and no controls", async () => {
  const idp = await newIdp(world);
  const person = await newPerson("eve");
  const navigation = `href="${HERE}"`;
  expect(await shown((await signIn(world.member)).get("/acme/~/members"))).not.toContain(navigation);
  await give(world.admin, "eve", await newRoleId(world.admin, "Auditor", allow("oidc_issuers:read")));
  const eve = await signIn(person);
  const list = await shown(eve.get(HERE));
  expect(list).toContain(navigation);
  expect(list).not.toContain("Add identity provider");
  const page = await shown(eve.get(`${HERE}/${idp.id}`));
  expect(page).toContain("You may not see the policies");
  expect(page).not.toContain("repo:acme/shop");
  for (const part of ["Add policy", "Dry run", "Settings</a>", "Refused exchanges"])
    expect(page.slice(page.indexOf("<h1"))).not.toContain(part);
  await shown(eve.get(`${HERE}/${idp.id}/test`), 403);
  await give(world.admin, "eve", await newRoleId(world.admin, "Tester", allow("oidc_issuers:read", "auth_policies:read")));
  const more = await shown(eve.get(`${HERE}/${idp.id}`));
  expect(more).toContain("repo:acme/shop:*");
  for (const part of ["Add policy", "Delete…", "/move"]) expect(more).not.toContain(part);
  await shown(eve.get(`${HERE}/${idp.id}/test`));
  await changesNothing(async () => {
    for (const part of ["policies/new", "policies/1", "policies/json", "policies/1/move", "enable", "settings", "delete", "sessions/end"])
      expect([part, (await eve.post(`${HERE}/${idp.id}/${part}`, { version: "2" })).status]).toEqual([part, 403]);
  });
});
