import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { OutgoingFault, addressFault, callOut } from "../../src/http/outgoing.ts";

const upstream = (env as unknown as { REGISTRY_UPSTREAM: string }).REGISTRY_UPSTREAM;
const limits = { most: 1000, within: 500 };
const here = { LOCAL_DEVELOPMENT: "true" };
const reasonOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OutgoingFault);
  return (error as OutgoingFault).reason;
};

describe("an address outside", () => {
  it.each([
    "https://api.pulumi.com",
    "https://example.com:8443/path?query#fragment",
    "https://8.8.8.8",
    "https://[2606:4700::1111]/",
    "https://xn--bcher-kva.example",
    "https://localhost.example.com",
    "https://10.example.com",
  ])("is called: %s", (text) => {
    expect(addressFault(new URL(text), false)).toBeUndefined();
  });

  it.each([
    "http://api.pulumi.com",
    "ftp://api.pulumi.com",
    "file:///etc/passwd",
    "data:text/plain,x",
    "https://user@example.com",
    "https://user:password@example.com",
    "https://localhost",
    "https://LOCALHOST.",
    "https://localhost..",
    "https://127.0.0.1..",
    "https://.example.com",
    "https://a..example.com",
    "https://host.localdomain",
    "https://service.onion",
    "https://[3fff::1]",
    "https://a.localhost",
    "https://127.0.0.1",
    "https://127.1",
    "https://2130706433",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://0.0.0.0",
    "https://10.1.2.3",
    "https://172.16.0.1",
    "https://172.31.255.255",
    "https://192.168.1.1",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1",
    "https://192.0.0.192",
    "https://198.18.0.1",
    "https://224.0.0.1",
    "https://255.255.255.255",
    "https://[::]",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:10.0.0.1]",
    "https://[64:ff9b::7f00:1]",
    "https://[fc00::1]",
    "https://[fd12:3456::1]",
    "https://[fe80::1]",
    "https://[ff02::1]",
    "https://[2002:7f00:1::]",
    "https://[2001:db8::1]",
    "https://metadata.google.internal",
    "https://printer.local",
    "https://intranet",
    "https://server.corp",
    "https://router.lan",
  ])("is not called: %s", (text) => {
    expect(addressFault(new URL(text), false)).toBeTypeOf("string");
  });

  it("may be this machine only for a local server", () => {
    for (const text of ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1", "https://localhost"]) {
      expect(addressFault(new URL(text), true)).toBeUndefined();
      expect(addressFault(new URL(text), false)).toBeTypeOf("string");
    }
    for (const text of [
      "http://10.0.0.1",
      "http://example.com",
      "https://169.254.169.254",
      "http://localhost.example.com",
      "https://u:p@localhost",
    ])
      expect(addressFault(new URL(text), true)).toBeTypeOf("string");
  });
});

describe("a call outside", () => {
  it("sends its method, headers and body, and returns the answer, good or bad", async () => {
    await fetch(`${upstream}/requests`, { method: "DELETE" });
    const answer = await callOut(here, `${upstream}/api/registry/packages/a/b/c/versions/1`, limits, {
      method: "POST",
      headers: { "X-Signature": "s" },
      body: "{}",
    });
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([404, "application/json"]);
    expect(new TextDecoder().decode(answer.body)).toContain("not found");
    const [request] = await (await fetch(`${upstream}/requests`)).json<{ method: string; headers: Record<string, string> }[]>();
    expect(request).toMatchObject({ method: "POST", headers: { "x-signature": "s", "user-agent": "stackpass" } });
  });

  it("ends with a reason when the answer is faulty", async () => {
    const reason = (how: string, more = limits) => reasonOf(callOut(here, `${upstream}/misbehave-${how}`, more));
    expect(await reason("slowly")).toBe("time");
    expect(await reason("stalls")).toBe("time");
    expect(await reason("huge", { most: 100_000, within: 10_000 })).toBe("size");
    expect(await reason("redirects")).toBe("redirect");
    expect(await reason("breaks")).toBe("network");
    expect(await reasonOf(callOut(here, "http://127.0.0.1:1", limits))).toBe("network");
  });

  it("is not made to a closed address, nor with a credential", async () => {
    expect(await reasonOf(callOut({}, upstream, limits))).toBe("address");
    expect(await reasonOf(callOut({ LOCAL_DEVELOPMENT: "yes" }, upstream, limits))).toBe("address");
    expect(await reasonOf(callOut(here, "nothing", limits))).toBe("address");
    for (const name of ["Authorization", "cookie", "Proxy-Authorization"])
      expect(await reasonOf(callOut(here, upstream, limits, { headers: { [name]: "x" } }))).toBe("address");
  });
});
