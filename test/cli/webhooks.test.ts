import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { isAtLeast, yamlProject } from "./support/programs.ts";
import { Terminal } from "./support/terminal.ts";

/** Tests webhooks that only the CLI manages, with a destination on this machine. */
const SECRET = "the-secret-of-the-cli";

interface Arrived {
  kind: string;
  headers: Record<string, unknown>;
  body: string;
}

describe.runIf(isAtLeast(259))("pulumi org webhook and pulumi stack webhook", () => {
  const arrived: Arrived[] = [];
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const { headers } = request;
      arrived.push({ kind: String(headers["pulumi-webhook-kind"]), headers, body: Buffer.concat(chunks).toString() });
      response.end("taken");
    });
  });
  let url: string;
  let terminal: Terminal;
  beforeAll(async () => {
    await new Promise<void>((listening) => receiver.listen(0, "127.0.0.1", listening));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    terminal = new Terminal({ project: yamlProject("hooks"), token: inject("people")["acme"]!["admin"]! });
    await terminal.pulumi("stack", "init", "acme/hooks/dev");
    await terminal.pulumi("config", "set", "--secret", "password", "hunter2");
  });
  afterAll(() => void receiver.close());

  const isSigned = ({ headers, body }: Arrived) =>
    headers["pulumi-webhook-signature"] === createHmac("sha256", SECRET).update(body).digest("hex") &&
    headers["webhook-signature"] ===
      `v1,${createHmac("sha256", SECRET)
        .update(`${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`)
        .digest("base64")}`;

  it("send what happens to a stack, signed, and show the deliveries", async () => {
    const of = ["--stack", "acme/hooks/dev"];
    await terminal.pulumi("stack", "webhook", "new", "--name", "My Hook", "--url", `${url}/stack`, "--secret", SECRET, "--yes", ...of);
    const { webhooks } = await terminal.json<{ webhooks: { id: string }[] }>("stack", "webhook", "list", "--output", "json", ...of);
    const [name] = webhooks.map(({ id }) => id);
    expect(await terminal.pulumi("stack", "webhook", "get", name!, ...of)).toMatch(/Has secret: +(true|yes)/i);
    expect(await terminal.pulumi("stack", "webhook", "ping", name!, ...of)).toMatch(/Response code: +200/);
    await terminal.pulumi("preview");
    await terminal.pulumi("up", "--yes", "--skip-preview");
    await vi.waitFor(() => expect(arrived.map(({ kind }) => kind).toSorted()).toEqual(["ping", "stack_preview", "stack_update"]), 60_000);
    expect(arrived.map(isSigned)).toEqual([true, true, true]);
    const update = JSON.parse(arrived.find(({ kind }) => kind === "stack_update")!.body) as Record<string, unknown>;
    expect(update).toMatchObject({
      organization: { githubLogin: "acme" },
      projectName: "hooks",
      stackName: "dev",
      kind: "update",
      result: "succeeded",
      resourceChanges: { create: 3 },
    });
    expect(update["updateUrl"]).toBe(`${inject("url")}/acme/hooks/dev/updates/1`);
    const list = ["stack", "webhook", "delivery", "list", name!, "--output", "json", ...of];
    const { deliveries } = await terminal.json<{ deliveries: { id: string; kind: string; responseCode: number }[] }>(...list);
    expect(deliveries.map(({ responseCode }) => responseCode)).toEqual([200, 200, 200]);
    const { id } = deliveries.find(({ kind }) => kind === "stack_update")!;
    expect(await terminal.pulumi("stack", "webhook", "delivery", "redeliver", name!, id, ...of)).toContain(id);
    expect(arrived.filter(({ headers }) => headers["pulumi-webhook-id"] === id)).toHaveLength(2);
    await terminal.pulumi("stack", "webhook", "edit", name!, "--secret", "", "--add-event", "update_failed", ...of);
    expect(await terminal.pulumi("stack", "webhook", "get", name!, ...of)).toContain("update_failed");
    await terminal.pulumi("stack", "webhook", "remove", name!, "--yes", ...of);
    expect(await terminal.pulumi("stack", "webhook", "list", ...of)).toContain("No webhooks");
  });

  it("tell of new stacks in the organization, until the webhook is removed", async () => {
    const of = ["--org", "acme"];
    const made = await terminal.pulumi(
      "org",
      "webhook",
      "new",
      "--name",
      "all",
      "--url",
      `${url}/org`,
      "--event",
      "stack_created",
      "--yes",
      ...of,
    );
    const [, name] = /"([0-9a-f]{8})"/.exec(made)!;
    await terminal.pulumi("stack", "init", "acme/hooks/second", "--no-select");
    // Tests in other files create stacks in the organization at the same time.
    const own = () =>
      arrived
        .filter(({ kind }) => kind === "stack")
        .map(({ body }) => JSON.parse(body) as { projectName: string })
        .filter(({ projectName }) => projectName === "hooks");
    await vi.waitFor(() => expect(own()).toMatchObject([{ action: "created", stackName: "second" }]), 60_000);
    await terminal.pulumi("org", "webhook", "edit", name!, "--active=false", "--hook-format", "slack", ...of);
    expect(await terminal.pulumi("org", "webhook", "list", ...of)).toContain(name);
    expect(await terminal.pulumi("org", "webhook", "ping", name!, ...of)).toMatch(/Response code: +200/);
    expect(JSON.parse(arrived.at(-1)!.body)).toHaveProperty("blocks");
    expect(await terminal.pulumi("org", "webhook", "delivery", "list", name!, ...of)).toMatch(/\d+ delivery\(ies\)/);
    await terminal.pulumi("org", "webhook", "remove", name!, "--yes", ...of);
    expect((await terminal.fails("org", "webhook", "ping", name!, ...of)).output).toContain(`Webhook '${name}' not found`);
  });

  it("refuse what is wrong with its reason", async () => {
    const bad = async (...flags: string[]) =>
      (await terminal.fails("org", "webhook", "new", "--org", "acme", "--yes", "--name", "bad", ...flags)).output;
    expect(await bad("--url", "https://169.254.169.254/")).toContain("private or reserved");
    expect(await bad("--url", `${inject("url")}/api/user`)).toContain("this service itself");
    expect(await bad("--url", "https://example.com", "--hook-format", "pulumi_deployments")).toContain(
      "'pulumi_deployments' format can only be used on stack or environment webhooks.",
    );
  });
});
