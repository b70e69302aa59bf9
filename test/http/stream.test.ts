import { expect, it } from "vitest";
import { listed, streamOf } from "../../src/http/stream.ts";

async function* items(...texts: string[]) {
  yield* texts;
}

it("writes a list's items with commas between them", async () => {
  expect(await streamOf(listed(items())).text()).toBe("");
  expect(await streamOf(listed(items("1", "2", "3"))).text()).toBe("1,2,3");
});

it("cuts an answer off when something fails on the way", async () => {
  async function* broken() {
    yield "[1";
    throw new Error("the database is gone");
  }
  await expect(streamOf(broken()).text()).rejects.toThrow();
});

it("stops reading when nobody listens any more", async () => {
  let stopped = false;
  async function* endless() {
    try {
      for (;;) yield "1";
    } finally {
      stopped = true;
    }
  }
  const reader = streamOf(endless()).body!.getReader();
  await reader.read();
  await reader.cancel();
  expect(stopped).toBe(true);
});
