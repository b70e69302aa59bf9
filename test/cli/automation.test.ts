import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { type AutomationStack, loadSdk } from "./support/automation.ts";
import { gateOf, isAtLeast, nodeProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";

const { pulumi, automation } = loadSdk();
const { LocalWorkspace } = automation;

let options: { pulumiHome: string; envVars: Record<string, string> };
beforeAll(async () => {
  const { value } = await newOrgToken("automation");
  options = {
    pulumiHome: mkdtempSync(join(inject("directory"), "home-")),
    envVars: { PULUMI_BACKEND_URL: inject("url"), PULUMI_ACCESS_TOKEN: value, PULUMI_SKIP_UPDATE_CHECK: "true" },
  };
});

// The SDK refreshes and destroys such programs with no older CLI.
describe.runIf(isAtLeast(181))("the Automation API with an organization token, on a program in the same process", () => {
  const secret = newSecret();
  const inline = {
    stackName: "acme/inline/dev",
    projectName: "inline",
    program: async () => {
      const config = new pulumi.Config();
      const { urn } = new pulumi.ComponentResource("test:index:Service", "service");
      return { urn, greeting: config.require("greeting"), password: config.requireSecret("password") };
    },
  };
  const urn = "urn:pulumi:dev::inline::test:index:Service::service";
  const outputs = {
    urn: { value: urn, secret: false },
    greeting: { value: "hello", secret: false },
    password: { value: secret, secret: true },
  };
  let stack: AutomationStack;

  it("creates a stack, and has an error type for an existing and for a missing stack", async () => {
    await expect(LocalWorkspace.selectStack(inline, options)).rejects.toThrow(automation.StackNotFoundError);
    stack = await LocalWorkspace.createStack(inline, options);
    await expect(LocalWorkspace.createStack(inline, options)).rejects.toThrow(automation.StackAlreadyExistsError);
    await LocalWorkspace.createOrSelectStack(inline, options);
    expect((await stack.workspace.listStacks()).map(({ name }) => name)).toEqual([expect.stringMatching(/(^|\/)dev$/)]);
    expect(await stack.workspace.whoAmI()).toMatchObject({
      user: "acme",
      organizations: ["acme"],
      tokenInformation: { name: "automation", organization: "acme" },
    });
  });

  it("selects a stack whatever the case of its name, and calls it as it was written", async () => {
    const again = await LocalWorkspace.createOrSelectStack({ ...inline, stackName: "acme/inline/DEV" }, options);
    expect((await again.workspace.listStacks()).map(({ name }) => name)).toEqual([expect.stringMatching(/(^|\/)dev$/)]);
    await expect(LocalWorkspace.createStack({ ...inline, stackName: "acme/inline/Dev" }, options)).rejects.toThrow(
      automation.StackAlreadyExistsError,
    );
  });

  it("keeps configuration, secrets as secrets, and tags", async () => {
    await stack.setAllConfig({ greeting: { value: "hello" }, password: { value: secret, secret: true }, spare: { value: "x" } });
    await stack.removeConfig("spare");
    expect(await stack.getConfig("password")).toEqual({ value: secret, secret: true });
    await stack.setTag("owner", "platform");
    expect(await stack.listTags()).toMatchObject({ owner: "platform", "pulumi:project": "inline" });
  });

  it("previews, and runs an up whose summary and outputs are there when it ends", async () => {
    expect((await stack.preview()).changeSummary).toEqual({ create: 2 });
    const { summary, outputs: made } = await stack.up({ message: "by a program" });
    expect(summary).toMatchObject({
      kind: "update",
      result: "succeeded",
      version: 1,
      message: "by a program",
      resourceChanges: { create: 2 },
    });
    expect(made).toEqual(outputs);
    expect(await stack.outputs()).toEqual(outputs);
  });

  it("exports, imports and refreshes", async () => {
    const state = await stack.exportStack();
    expect(state.deployment.resources).toHaveLength(2);
    await stack.importStack(state);
    expect((await stack.refresh()).summary).toMatchObject({ kind: "refresh", result: "succeeded", version: 3 });
    expect((await stack.up()).summary).toMatchObject({ version: 4, resourceChanges: { same: 2 } });
  });

  it("lists the history page by page, newest first", async () => {
    expect((await stack.history()).map(({ version, kind }) => `${version} ${kind}`)).toEqual([
      "4 update",
      "3 refresh",
      "2 import",
      "1 update",
    ]);
    const [oldest, ...others] = await stack.history(3, 2, true);
    expect(others).toEqual([]);
    expect(oldest).toMatchObject({ version: 1, config: { "inline:password": { value: secret, secret: true } } });
  });

  it("destroys and removes", async () => {
    expect((await stack.destroy()).summary).toMatchObject({ kind: "destroy", result: "succeeded", resourceChanges: { delete: 2 } });
    await stack.workspace.removeStack("acme/inline/dev");
    await expect(LocalWorkspace.selectStack(inline, options)).rejects.toThrow(automation.StackNotFoundError);
  });
});

describe("the Automation API in a project's folder", () => {
  const open = () => {
    const workDir = nodeProject("local", {
      things: [{ name: "held", props: { gate: "gate" } }],
      outputs: { greeting: { value: "hello" } },
    });
    return LocalWorkspace.createOrSelectStack({ stackName: "acme/local/dev", workDir }, options).then((stack) => ({ stack, workDir }));
  };

  it("recognises a concurrent update, and cancels it", async () => {
    const first = await open();
    const second = await open();
    const up = first.stack.up().then(
      () => undefined,
      (error: unknown) => error,
    );
    await expect.poll(gateOf(first.workDir).reached, { timeout: 300_000, interval: 50 }).toBe(true);
    await expect(second.stack.up()).rejects.toThrow(automation.ConcurrentUpdateError);
    await second.stack.cancel();
    gateOf(first.workDir).open();
    expect(await up).toBeInstanceOf(automation.CommandError);

    gateOf(second.workDir).open();
    const { summary, outputs } = await second.stack.up();
    expect(summary).toMatchObject({ version: 2, result: "succeeded" });
    expect(outputs).toEqual({ greeting: { value: "hello", secret: false } });
  });
});
