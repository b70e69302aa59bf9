import { beforeAll, expect, inject, it } from "vitest";
import { ask, newOrgToken } from "./support/api.ts";
import { isAtLeast, nodeProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

/** Tests the tokens of a check for pull requests: they preview, and change nothing. */
const secret = newSecret();
const program = {
  things: [
    { name: "first", secret: "password" },
    { name: "second", dependsOn: ["first"] },
  ],
  outputs: { password: { config: "password" } },
};
let deployer: Terminal;
let token: string;
beforeAll(async () => {
  token = (await newOrgToken("deployer")).value;
  deployer = new Terminal({ project: nodeProject("checked", program), token });
  await deployer.pulumi("stack", "init", "acme/checked/dev");
  await deployer.pulumi("config", "set", "--secret", "password", secret);
  await deployer.pulumi("up", "--yes", "--skip-preview");
});

const stack = () => ask<{ version: number; tags: Record<string, string> }>("GET", "/api/stacks/acme/checked/dev", { token });

const rights: [string, Record<string, unknown>][] = [
  ["with a rule for previews", { stacks: [{ project: "checked", access: "preview" }] }],
  // These are the same commands with another right; test/auth checks that right for each route.
  ...(inject("long") ? ([["of the read-only role", { roleID: "read-only" }]] as typeof rights) : []),
];

it.each(rights)("a token %s previews, and changes nothing", async (name, more) => {
  const { value } = await newOrgToken(`pr-${name.replaceAll(" ", "-")}`, { more });
  const checker = deployer.with({
    token: value,
    project: nodeProject("checked", { ...program, things: [...program.things, { name: "third" }] }),
  });
  const before = await stack();
  await checker.pulumi("stack", "select", "acme/checked/dev");
  await checker.pulumi("config", "set", "--secret", "password", secret);
  expect(await checker.pulumi("preview", "--diff")).toMatch(/1 to create/);
  await checker.pulumi("preview", "--refresh", "--json");
  if (isAtLeast(207)) await checker.pulumi("refresh", "--preview-only");
  if (isAtLeast(207)) await checker.pulumi("destroy", "--preview-only");
  expect(await checker.json("stack", "output", "--json", "--show-secrets")).toEqual({ password: secret });
  for (const args of [
    ["up", "--yes"],
    ["up", "--yes", "--skip-preview"],
    ["refresh", "--yes", "--skip-preview"],
    ["destroy", "--yes", "--skip-preview"],
  ])
    expect((await checker.fails(...args)).output, args.join(" ")).toMatch(
      /\[403\] You do not have permission to perform this operation: .* the right stack:write/,
    );
  expect(await stack()).toEqual(before);
  await deployer.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
});
