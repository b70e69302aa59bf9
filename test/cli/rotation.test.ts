import { describe, expect, inject, it } from "vitest";
import { ask, newOrgToken } from "./support/api.ts";
import { gateOf, isAtLeast, nodeProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

const admin = () => inject("people")["acme"]!["admin"]!;
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

/**
 * The overlap, in seconds. It is long enough for the commands that run in it, and short enough to wait for: it follows from the time that a
 * command takes on this machine.
 */
const overlapFor = (aCommand: number) => 30 + Math.ceil((8 * aCommand) / 1000);

describe("a token that is rotated while Jenkins works", () => {
  it("fails no command during the overlap: the old one works, then the new one, and only then the old one ends", async () => {
    const old = await newOrgToken("rotated");
    const project = nodeProject("rotated", { things: [{ name: "held", secret: "password", props: { gate: "gate" } }] });
    const gate = gateOf(project);
    const runner = new Terminal({ project, token: old.value });
    await runner.pulumi("stack", "init", "acme/rotated/dev");
    await runner.pulumi("config", "set", "--secret", "password", newSecret());

    // The token is rotated while an update is running.
    const begun = Date.now();
    const update = runner.start("up", "--yes", "--skip-preview");
    await update.until("the held resource", gate.reached);
    const next = await ask<{ tokenValue: string; overlapEnds: number }>("POST", `/api/orgs/acme/tokens/${old.id}/rotate`, {
      token: admin(),
      json: { overlap: overlapFor(Date.now() - begun) },
    });
    gate.open();
    expect((await update.ended).code).toBe(0);

    // Jenkins still uses the old value, and is warned.
    const told = await runner.run("up", "--yes", "--skip-preview");
    expect(told.code).toBe(0);
    if (isAtLeast(259)) {
      const warnings =
        `${told.stdout}\n${told.stderr}`.match(/warning: organization token rotated of acme was rotated: it works until .*/g) ?? [];
      expect(warnings, "once per command").toHaveLength(1);
    }
    // Now Jenkins has the new value. Updates with both values may run, one after the other.
    const renewed = runner.with({ token: next.tokenValue });
    await renewed.pulumi("up", "--yes", "--skip-preview");
    await runner.pulumi("stack", "output");

    await sleep(next.overlapEnds * 1000 - Date.now() + 1000);
    await renewed.pulumi("up", "--yes", "--skip-preview");
    const { output } = await runner.fails("up", "--yes");
    expect(output).toMatch(/warning: organization token rotated of acme was rotated on .* UTC, its successor is rotated-2/);
    await renewed.pulumi("destroy", "--yes", "--skip-preview");
    await renewed.pulumi("stack", "rm", "--yes");
  });
});
