import { describe, expect, it } from "vitest";
import { readable } from "../../scripts/dev/logLine.ts";

const callerOf = async (tokenId: string) => (tokenId === "t1" ? "ada" : "somebody else");
const shown = (line: unknown) => readable(typeof line === "string" ? line : JSON.stringify(line), callerOf);
const request = { message: "request", method: "GET", route: "/api/user", status: 200, ms: 4 };

describe("the development server's log", () => {
  it("shows a request as method, path, status, time and caller", async () => {
    expect(await shown({ ...request, token: "t1", roundTrips: { d1: 1 } })).toBe("GET /api/user 200 4 ms, ada");
    expect(await shown({ ...request, update: "0123456789ab" })).toBe("GET /api/user 200 4 ms, update 01234567");
    expect(await shown(request)).toBe("GET /api/user 200 4 ms, no caller");
    expect(await shown({ ...request, route: "none", status: 404 })).toBe("GET (no such path) 404 4 ms, no caller");
  });

  it("says why a request was refused", async () => {
    expect(await shown({ ...request, status: 401, reason: "ended_credential" })).toBe(
      "GET /api/user 401 4 ms, no caller: ended_credential",
    );
  });

  it("leaves out what goes on beside the requests, unless it failed", async () => {
    for (const message of ["cron", "queue", "alarm", "audit stream", "webhook"]) expect(await shown({ message, ms: 3 })).toBeUndefined();
    expect(await shown({ message: "unexpected error", error: "Error: x\n    at y" })).toBe("unexpected error: Error: x\n    at y");
  });

  it("passes on the lines of other programs", async () => {
    for (const text of ["workerd/server: a warning", "3", "null", '"text"', '{"a":1}']) expect(await shown(text)).toBe(text);
    expect(await shown({ message: "something new", ids: [1] })).toBe('{"message":"something new","ids":[1]}');
  });
});
