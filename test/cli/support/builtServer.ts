import { join } from "node:path";
import { inject } from "vitest";
import { Server } from "./server.ts";

/**
 * A server for one test, with the tables and the people that every local server begins with. It runs the bundled Worker: it starts in a
 * second, and has no development proxy in front.
 * @param name of its folder; `traces.test.ts` looks through each that ends with `-server`
 */
export const startBuiltServer = (name: string, vars: Record<string, string> = {}): Promise<Server> =>
  Server.start({ directory: join(inject("directory"), name), bundle: inject("bundle"), copyOf: inject("prepared"), vars });
