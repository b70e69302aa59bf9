import { beforeAll, describe, expect, inject, it } from "vitest";
import { type OrgToken, ask, auditOf, deleteOrgToken, newOrgToken, request } from "./support/api.ts";
import { gateOf, isAtLeast, nodeProject, yamlProject } from "./support/programs.ts";
import { mustNotBeFound, newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

const acme = () => inject("people")["acme"]!;

describe("people with personal tokens", () => {
  it("a member runs an up", async () => {
    const member = new Terminal({ project: yamlProject("of-member"), token: acme()["member"] });
    expect(await member.pulumi("whoami", "-v")).toMatch(/^User: mel$/m);
    await member.pulumi("stack", "init", "acme/of-member/dev");
    await member.pulumi("config", "set", "--secret", "password", newSecret());
    await member.pulumi("up", "--yes");
    await member.pulumi("destroy", "--yes", "--skip-preview");
    await member.pulumi("stack", "rm", "--yes");
  });

  it("an administrator of another organization is told that the stack does not exist", async () => {
    const ours = new Terminal({ project: yamlProject("private"), token: acme()["admin"] });
    await ours.pulumi("stack", "init", "acme/private/dev");
    const stranger = new Terminal({ project: yamlProject("private"), token: inject("people")["globex"]!["admin"] });
    const { output } = await stranger.fails("stack", "select", "acme/private/dev");
    expect(output).toContain("no stack named 'acme/dev' found");
    expect((await stranger.fails("stack", "init", "acme/private/mine")).output).toContain("[404] Not Found");
    expect((await stranger.fails("up", "--yes", "--stack", "acme/private/dev")).output).toContain(
      "no stack named 'acme/private/dev' found",
    );
    const seen = await stranger.json<{ name: string }[]>("stack", "ls", "--all", "--json");
    expect(seen.filter(({ name }) => !name.startsWith("globex/"))).toEqual([]);
  });

  it("pulumi login keeps a token, pulumi logout forgets it", async () => {
    const project = yamlProject("login");
    const machine = await newOrgToken("login");
    const terminal = new Terminal({ project, token: machine.value });
    expect(await terminal.pulumi("login", inject("url"))).toContain(`Logged in to`);
    const later = terminal.with({ token: undefined });
    await later.pulumi("stack", "init", "acme/login/dev");
    expect(await later.pulumi("stack", "ls")).toContain("dev");
    await later.pulumi("logout", inject("url"));
    expect((await later.fails("stack", "ls")).output).toContain("PULUMI_ACCESS_TOKEN must be set for login");
  });

  it("an invented token is refused", async () => {
    const invented = `pul-${"0".repeat(40)}`;
    mustNotBeFound(invented);
    const terminal = new Terminal({ project: yamlProject("invented"), token: invented });
    expect((await terminal.fails("whoami")).output).toMatch(/invalid access token|No credentials provided or are invalid/);
  });

  if (isAtLeast(259)) {
    it("pulumi org audit-log list shows the log to an administrator", async () => {
      const admin = new Terminal({ project: yamlProject("auditor"), token: acme()["admin"] });
      await admin.pulumi("stack", "init", "acme/auditor/dev");
      const log = () => admin.pulumi("org", "audit-log", "list", "--org", "acme", "--event-type", "stack-created");
      await expect.poll(log).toContain("auditor/dev");
    });

    it("pulumi org member list shows who belongs to it", async () => {
      const admin = new Terminal({ project: yamlProject("auditor"), token: acme()["admin"] });
      const list = await admin.pulumi("org", "member", "list", "--org", "acme");
      for (const login of ["ada", "mel"]) expect(list).toContain(login);
    });
  }
});

describe("an organization token that ends", () => {
  it("by deletion between two commands: the next one is refused and told why", async () => {
    const token = await newOrgToken("ended-between");
    const runner = new Terminal({ project: yamlProject("ended-between"), token: token.value });
    await runner.pulumi("stack", "init", "dev");
    await runner.pulumi("config", "set", "--secret", "password", newSecret());
    expect(await deleteOrgToken(token)).toBe(204);
    const { output } = await runner.fails("up", "--yes");
    expect(output).toMatch(/warning: organization token ended-between of acme was deleted on .* UTC/);
  });

  it("by its own expiry: the next command is refused and told why", async () => {
    // The command may take long on a slow machine, so another token makes the stack.
    const lasting = await newOrgToken("long-lived");
    const runner = new Terminal({ project: yamlProject("short-lived"), token: lasting.value });
    await runner.pulumi("stack", "init", "dev");
    const expires = Math.floor(Date.now() / 1000) + 15;
    const made = await ask<{ tokenValue: string }>("POST", "/api/orgs/acme/tokens", {
      token: acme()["admin"]!,
      json: { name: "short-lived", expires },
    });
    await ask("GET", "/api/stacks/acme/short-lived/dev", { token: made.tokenValue });
    await new Promise((done) => setTimeout(done, expires * 1000 - Date.now() + 100));
    const { output } = await runner.with({ token: made.tokenValue }).fails("up", "--yes");
    expect(output).toMatch(/warning: organization token short-lived of acme expired on .* UTC/);
  });

  describe.each(["without", "with"])("by deletion in the middle of an update, %s secrets still to be written", (variant) => {
    const secret = newSecret();
    const name = `ended-within-${variant}`;
    let token: OrgToken;
    let runner: Terminal;
    beforeAll(async () => {
      token = await newOrgToken(name);
      const project = nodeProject(name, {
        things: [
          { name: "before" },
          { name: "held", dependsOn: ["before"], props: { gate: "gate" } },
          { name: "after", dependsOn: ["held"], ...(variant === "with" && { secret: "password" }) },
        ],
        outputs: { password: variant === "with" ? { config: "password" } : { value: "none" } },
      });
      runner = new Terminal({ project, token: token.value });
      await runner.pulumi("stack", "init", "dev");
      if (variant === "with") await runner.pulumi("config", "set", "--secret", "password", secret);
    });

    it("the update finishes", async () => {
      const gate = gateOf(runner.project);
      const up = runner.start("up", "--yes", "--skip-preview");
      await up.until("the held resource", gate.reached);
      expect(await deleteOrgToken(token)).toBe(204);
      gate.open();
      const { code, stdout, stderr } = await up.ended;
      expect(code, `${stdout}\n${stderr}`).toBe(0);
    });

    it("everything it made is in the state", async () => {
      const admin = new Terminal({ project: runner.project, token: acme()["admin"] });
      const text = await admin.pulumi("stack", "export", "--stack", `acme/${name}/dev`);
      for (const name of ["before", "held", "after"]) expect(text).toContain(`Resource::${name}"`);
      const password = await admin.pulumi("stack", "output", "password", "--show-secrets", "--stack", `acme/${name}/dev`);
      expect(password.trim()).toBe(variant === "with" ? secret : "none");
    });

    it("its end is in the audit log under the token's name", async () => {
      const events = await auditOf(token, "stack-update-started", "stack-update-completed");
      const completed = events.find((event) => event.event === "stack-update-completed");
      expect(completed).toMatchObject({ tokenID: token.id, tokenName: name, user: { githubLogin: "acme" } });
    });

    it("and no other update starts", async () => {
      expect((await runner.fails("up", "--yes")).output).toContain(`warning: organization token ${name} of acme was deleted on`);
    });
  });
});

describe("the launch story", () => {
  it("Jenkins continues after the creator of its token left, and stops when an administrator deletes the token", async () => {
    // gus is an administrator during this test, and in no other file.
    const gus = inject("people")["globex"]!["admin"]!;
    const membership = "/api/orgs/acme/members/gus";
    expect((await request("POST", membership, { token: acme()["admin"]!, json: { role: "admin" } })).status).toBe(200);
    const jenkins = await newOrgToken("jenkins-story", { admin: gus });
    const runner = new Terminal({ project: yamlProject("story"), token: jenkins.value });
    const person = new Terminal({ project: yamlProject("story"), token: gus });
    const added = await person.run("whoami", "--verbose");
    const warning = `warning: you were added to acme by ada: accept or leave at ${inject("url")}/user/settings/organizations`;
    // Older releases do not send the name of their command, and only `whoami` gets this warning.
    expect(`${added.stdout}${added.stderr}`.includes(warning)).toBe(isAtLeast(259));
    expect(added.stdout).toMatch(/^Organizations: globex$/m);
    expect((await request("POST", "/api/user/organizations/acme/accept", { token: gus })).status).toBe(204);
    await runner.pulumi("stack", "init", "acme/story/dev");
    await runner.pulumi("config", "set", "--secret", "password", newSecret());
    await runner.pulumi("up", "--yes", "--skip-preview");
    await person.pulumi("stack", "select", "acme/story/dev");

    expect((await request("DELETE", membership, { token: acme()["admin"]! })).status).toBe(204);
    await runner.pulumi("up", "--yes", "--skip-preview");
    expect((await person.fails("stack", "export", "--stack", "acme/story/dev")).output).toContain("no stack named");
    const mint = await request("POST", "/api/orgs/acme/tokens", { token: jenkins.value, json: { name: "minted" } });
    expect(mint.status).toBe(403);

    expect((await request("DELETE", `/api/orgs/acme/tokens/${jenkins.id}`, { token: acme()["admin"]! })).status).toBe(204);
    const { output } = await runner.fails("up", "--yes", "--skip-preview");
    expect(output).toMatch(/warning: organization token jenkins-story of acme was deleted on .* UTC/);
  });
});
