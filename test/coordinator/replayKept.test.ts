import { describe, expect, it } from "vitest";
import { type Kept, replayKept } from "../../scripts/replayKept.ts";
import type { KeptManifest } from "../../src/coordinator/keptManifest.ts";
import { gzip } from "../support/world.ts";

const urn = (name: string) => `urn:pulumi:dev::kept::my:index:Thing::${name}`;
const resource = (name: string, more: object = {}) => ({ urn: urn(name), custom: false, type: "my:index:Thing", ...more });
const entry = (sequenceID: number, kind: number, more: object) => ({
  version: 1,
  kind,
  sequenceID,
  operationID: sequenceID,
  removeOld: null,
  removeNew: null,
  ...more,
});

describe("a replay by the operator", () => {
  const manifest: KeptManifest = {
    updateId: "u",
    stack: "acme/kept/dev",
    version: 2,
    why: "unreadable",
    endedAt: 0,
    baseKey: null,
    baseIsAliasFree: true,
    cliVersion: "v3.259.0",
    form: "journal",
    files: ["1.json"],
  };
  const kept = (more: Partial<KeptManifest>, parts: unknown[], base: object | null = null): Kept => ({
    manifest: { ...manifest, files: parts.map((_, i) => `${i + 1}.json`), ...more },
    files: new Map(parts.map((part, i) => [`${i + 1}.json`, new TextEncoder().encode(JSON.stringify(part))])),
    base: base && new TextEncoder().encode(JSON.stringify(base)),
  });

  it("takes entries in their order, once each, from however many parts", async () => {
    const [first, second, third] = ["a", "b", "c"].map((name, i) => entry(i + 1, 1, { state: resource(name) }));
    const outcome = await replayKept(kept({}, [{ entries: [third] }, { entries: [first, second] }, { entries: [second] }]), []);
    const { deployment } = JSON.parse((outcome as { state: string }).state) as { deployment: { resources: { urn: string }[] } };
    expect(deployment.resources.map((one) => one.urn)).toEqual(["a", "b", "c"].map(urn));
  });

  it.each([2, 3, 10, 100])("finds the one entry of %i that is at fault, wherever it is", async (count) => {
    for (const at of new Set([1, count >> 1, count - 1])) {
      const entries = Array.from({ length: count }, (_, i) =>
        entry(i + 1, 1, { state: resource(`r${i}`, i === 0 || i === at ? { aliases: [urn("old")] } : {}) }),
      );
      expect(await replayKept(kept({}, [{ entries }]), [])).toMatchObject({ fault: { sequenceID: at + 1 } });
      expect(await replayKept(kept({}, [{ entries }]), [at + 1])).toHaveProperty("state");
    }
  });

  it("makes a deployment of a full checkpoint, and says when there is none in it", async () => {
    const checkpoint = { isInvalid: false, version: 3, deployment: { resources: [resource("a")] } };
    expect(await replayKept(kept({ form: "checkpoint" }, [checkpoint]), [])).toMatchObject({
      state: expect.stringContaining(urn("a")) as string,
    });
    expect(await replayKept(kept({ form: "checkpoint" }, [{ isInvalid: true }]), [])).toHaveProperty("broken");
  });

  it("says when the state that it started from is at fault", async () => {
    const outcome = await replayKept(
      kept({}, [{ entries: [entry(1, 1, { state: resource("a") })] }], { deployment: { resources: 5 } }),
      [],
    );
    expect(outcome).toMatchObject({ broken: expect.stringContaining("the state before the update cannot be read") as string });
  });

  it("inflates what the client had compressed", async () => {
    const text = JSON.stringify({ entries: [entry(1, 1, { state: resource("a") })] });
    const files = new Map([["1.json.gz", await gzip(text)]]);
    const outcome = await replayKept({ manifest: { ...manifest, files: ["1.json.gz"] }, files, base: null }, []);
    expect(outcome).toMatchObject({ state: expect.stringContaining(urn("a")) as string });
  });
});
