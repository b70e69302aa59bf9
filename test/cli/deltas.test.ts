import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Way, playOn } from "./support/play.ts";
import { type Program, nodeProject } from "./support/programs.ts";
import { Recorder } from "./support/recorder.ts";
import { scenarios } from "./support/scenarios.ts";
import { newSecret } from "./support/secrets.ts";
import { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

let server: Server;
let recorder: Recorder;
beforeAll(async () => {
  // Every state is large enough for deltas.
  server = await Server.start({ directory: join(inject("directory"), "delta-server"), vars: { DELTA_CHECKPOINTS: "1" } });
  recorder = await Recorder.before(server.url);
});
afterAll(() => server.stop());

const way = (name: string, env: Record<string, string>): Way => ({
  name,
  organization: "acme",
  terminal: (project) =>
    new Terminal({
      project,
      url: recorder.url,
      token: server.credentials.organizations["acme"]!["admin"],
      env: { PULUMI_DISABLE_JOURNALING: "true", ...env },
    }),
});

/** A CLI that sends deltas tells of no pending operations (cli-protocol §4.7.4), so a state after a crash is another one. */
const played = Object.entries(scenarios).filter(([, steps]) => !steps.some((step) => "killed" in step));

describe("the state after deltas equals the state after full checkpoints", () => {
  it.each(played)("%s", async (_name, steps) => {
    const first = steps.find((step) => !("file" in step)) as { up?: Program; other?: Program };
    const secret = newSecret();
    const ways = [
      way("full", { PULUMI_OPTIMIZED_CHECKPOINT_PATCH: "false" }),
      way("deltas", { PULUMI_OPTIMIZED_CHECKPOINT_PATCH: "true" }),
    ];
    const [full, deltas] = await Promise.all(
      ways.map((one) => playOn(one, nodeProject("same", (first.up ?? first.other)!), secret, steps)),
    );
    expect(deltas).toEqual(full);
  });

  it("and deltas have been sent, and none was refused", () => {
    const writes = recorder.checkpoints();
    expect(writes.filter(({ call }) => call === "checkpointdelta").length).toBeGreaterThan(played.length);
    expect(writes.filter(({ status }) => status !== 204)).toEqual([]);
  });
});
