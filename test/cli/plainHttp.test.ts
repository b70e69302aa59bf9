import { once } from "node:events";
import { createServer, request } from "node:http";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { yamlProject } from "./support/programs.ts";
import { Terminal } from "./support/terminal.ts";

/** A proxy between the client and a deployment that the client reaches by name: it forwards each request unchanged. */
const proxy = createServer((incoming, outgoing) => {
  const { hostname, port } = new URL(inject("url"));
  const passedOn = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
  });
  passedOn.on("error", () => outgoing.destroy());
  incoming.pipe(passedOn);
});
let through: string;
beforeAll(async () => {
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  through = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
});
afterAll(() => void proxy.close().closeAllConnections());

it("a CLI with a URL without TLS is refused, and told to replace its token", async () => {
  const machine = await newOrgToken("plain");
  const url = "http://stackpass.example";
  const terminal = new Terminal({ project: yamlProject("plain"), token: machine.value, url, env: { HTTP_PROXY: through } });
  for (const command of [["login", url], ["whoami"], ["stack", "ls"], ["stack", "init", "acme/plain/dev"]]) {
    const { output } = await terminal.fails(...command);
    expect(output, command.join(" ")).toContain("plain HTTP is not accepted, use https://stackpass.example. Replace an access token");
  }
});
