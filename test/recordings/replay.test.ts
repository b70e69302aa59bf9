import { it } from "vitest";
import { newOrgToken, newWorld } from "../support/world.ts";
import { recordings, replay } from "./replay.ts";

it.each(Object.entries(recordings))("answers as it did to the CLI in %s", async (_file, session) => {
  const world = await newWorld();
  await replay(session, (await newOrgToken(world, session.token)).tokenValue);
});
