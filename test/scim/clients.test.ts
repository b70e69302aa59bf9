import { beforeEach, expect, it } from "vitest";
import { type World, newWorld } from "../support/world.ts";
import { sequences } from "./sequences.ts";
import { type Scim, newScimToken, scimClient } from "./support/client.ts";

let world: World;
let scim: Scim;
beforeEach(async () => {
  world = await newWorld();
  scim = scimClient(await newScimToken(world));
});

for (const [name, steps] of Object.entries(sequences))
  it(`understands ${name}`, async () => {
    const ids = new Map<string, string>();
    const filled = <T>(value: T): T =>
      JSON.parse(JSON.stringify(value).replaceAll(/(?:\{|%7B)(\w+)(?:\}|%7D)/g, (whole, key: string) => ids.get(key) ?? whole)) as T;
    for (const step of steps) {
      const label = `${step.method} ${step.path}`;
      const answer = await scim(step.method, filled(step.path), step.json === undefined ? {} : { json: filled(step.json) });
      expect(answer.status, `${label}: ${JSON.stringify(answer.body)}`).toBe(step.status);
      if (step.has !== undefined) expect(answer.body, label).toMatchObject(filled(step.has) as object);
      if (step.keep) ids.set(step.keep, answer.body.id);
      if (answer.status === 201) expect(answer.headers.get("Location")).toBe(answer.body.meta.location);
    }
  });
