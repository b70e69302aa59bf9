import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A port below those that Linux and macOS give to connections and to servers without a chosen port. So a server that is killed finds its
 * port free again, and no client gets the same port for its own end and connects to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((closed) => probe.close(closed));
    return port;
  }
}
