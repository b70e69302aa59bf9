import type { Credential } from "../auth/authenticate.ts";
import type { RequestContext } from "../context.ts";
import type { Bindings } from "../env.ts";
import type { Lease } from "../auth/lease.ts";

/** Hono's typed environment: what the middleware puts beside a request. */
export interface Env {
  Bindings: Bindings;
  Variables: {
    request: RequestContext;
    credential: Credential | undefined;
    lease: Lease | undefined;
    /** The JSON body as it was sent, inflated. */
    text: string | undefined;
  };
}
