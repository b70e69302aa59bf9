import { createServer } from "node:net";

/** Why a server cannot listen on a port of this machine; undefined when it can. */
export async function portFault(port: string): Promise<string | undefined> {
  const number = Number(port);
  if (!/^\d{1,5}$/.test(port) || number < 1 || number > 65_535) return `--port ${port} is not a valid port. The default is 8787.`;
  for (const host of ["127.0.0.1", "::1"]) {
    const code = await settledFault(number, host);
    if (code === "EADDRINUSE")
      return `Port ${port} is in use. Choose another: npm run dev -- --port ${number < 65_535 ? number + 1 : 8787}`;
    if (code === "EACCES") return `You may not use port ${port}. Choose one above 1023: npm run dev -- --port 8787`;
  }
  return undefined;
}

/** A server that has just stopped may still hold the port. */
async function settledFault(port: number, host: string): Promise<string | undefined> {
  for (let tries = 1; ; tries++) {
    const code = await listenFault(port, host);
    if (code !== "EADDRINUSE" || tries === 10) return code;
    await new Promise((done) => setTimeout(done, 150));
  }
}

/** A machine without IPv6 has no such address, which is not an error. */
function listenFault(port: number, host: string): Promise<string | undefined> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
