import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { yamlProject } from "./support/programs.ts";
import { runScript } from "./support/script.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

describe("an operator", () => {
  let server: Server;
  let run: (name: string, ...args: string[]) => Promise<{ code: number; output: string }>;
  beforeAll(async () => {
    server = await startBuiltServer("accounts-server");
    const pepper = /^TOKEN_PEPPER=(.*)$/m.exec(readFileSync(join(server.persistTo, "secrets.env"), "utf8"))![1]!;
    run = (name, ...args) => runScript(name, [...args, "--local", "--persist-to", server.persistTo], { TOKEN_PEPPER: pepper });
  });
  afterAll(() => server?.stop());

  const tokenIn = ({ code, output }: { code: number; output: string }) => {
    expect(code, output).toBe(0);
    const [token, ...others] = output.match(/pul-[0-9a-f]{40}/g) ?? [];
    expect(others).toEqual([]);
    return token!;
  };

  it("makes an organization's administrator, and an account for a person who is then invited", async () => {
    const [nina, oli] = [
      tokenIn(await run("first-admin", "--org", "newco", "--login", "nina")),
      tokenIn(await run("account", "--login", "oli", "--email", "oli@example.com")),
    ];
    const { url } = server;
    const person = new Terminal({ project: yamlProject("welcome"), token: oli, url });
    expect(await person.pulumi("whoami")).toBe("oli\n");
    expect((await person.fails("stack", "init", "newco/welcome/dev")).output).toContain("newco");

    const json = { invites: [{ email: "oli@example.com", role: "member" }] };
    await ask("POST", "/api/orgs/newco/invites/batch", { token: nina, url, json });
    const { invites } = await ask<{ invites: { id: string }[] }>("GET", "/api/user/pending-invites", { token: oli, url });
    const accepted = await fetch(`${url}/api/orgs/newco/invites/${invites[0]!.id}`, {
      method: "PATCH",
      headers: { Authorization: `token ${oli}` },
    });
    expect(accepted.status).toBe(204);
    await person.pulumi("stack", "init", "newco/welcome/dev");
    await person.pulumi("stack", "rm", "--yes");
  });

  it("adds an administrator to an organization whose administrators cannot sign in any more", async () => {
    const token = tokenIn(await run("first-admin", "--existing", "--org", "acme", "--login", "rescuer"));
    const { tokens } = await ask<{ tokens: unknown[] }>("GET", "/api/orgs/acme/tokens", { token, url: server.url });
    expect(tokens).toEqual([]);
    const none = await run("first-admin", "--existing", "--org", "nowhere", "--login", "nobody");
    expect(none.output).toContain("There is no organization with that name.");
    expect(none.output).not.toMatch(/pul-[0-9a-f]{40}/);
    // Nothing of it was done.
    tokenIn(await run("account", "--login", "nobody"));
  });

  it("is told the rules for names, and that a name is taken", async () => {
    expect(await run("first-admin", "--org", "Same", "--login", "same")).toMatchObject({
      code: 2,
      output: expect.stringContaining("must be different") as string,
    });
    expect(await run("account", "--login", "no spaces")).toMatchObject({
      code: 2,
      output: expect.stringContaining('"no spaces" contains " "') as string,
    });
    const taken = await run("account", "--login", "ADA");
    expect(taken.code).not.toBe(0);
    expect(taken.output).toContain("A person with that login exists already.");
    expect(taken.output).not.toMatch(/pul-[0-9a-f]{40}/);
    const likeAnOrganization = await run("account", "--login", "Globex");
    expect(likeAnOrganization.code).not.toBe(0);
    expect(likeAnOrganization.output).toContain("An organization has that name: choose another login.");
    expect(likeAnOrganization.output).not.toMatch(/pul-[0-9a-f]{40}/);
    const likeAPerson = await run("first-admin", "--org", "ADA", "--login", "somebody");
    expect(likeAPerson.output).toContain("A person has that name: choose another name for the organization.");
    // The refused command has done nothing.
    tokenIn(await run("account", "--login", "somebody"));
  });
});
