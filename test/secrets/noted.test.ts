import { expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { newStack, newWorld } from "../support/world.ts";

it("notes that a client showed secrets, in the name of who did it", async () => {
  const world = await newWorld();
  await newStack(world.member);
  const [event, ...others] = await eventsOf(() =>
    ok("POST", "/api/stacks/acme/web/dev/decrypt/log-batch-decryption", { token: world.member, json: { commandName: "up" } }),
  );
  expect(event).toMatchObject({
    event: "secrets-batch-decrypted",
    userLogin: "mel",
    stack: "web/dev",
    description: 'A client showed secrets of stack "acme/web/dev" for "up".',
  });
  expect(others).toEqual([]);
  const secretName = 'x" of stack "acme/web/prod".\nDeleted organization token "y';
  const [quoted] = await eventsOf(() =>
    ok("POST", "/api/stacks/acme/web/dev/decrypt/log-decryption", { token: world.member, json: { secretName } }),
  );
  expect(quoted?.description).toBe(`A client showed the secret ${JSON.stringify(secretName)} of stack "acme/web/dev".`);
  const [straight] = await eventsOf(() =>
    ok("POST", "/api/stacks/acme/web/dev/decrypt/log-decryption", { token: world.member, json: { secretName: "\u202eterces\u2066" } }),
  );
  expect(straight?.description).toBe('A client showed the secret "terces" of stack "acme/web/dev".');
  await refused(404, "POST", "/api/stacks/acme/web/none/decrypt/log-decryption", { token: world.member, json: { secretName: "s" } });
});
