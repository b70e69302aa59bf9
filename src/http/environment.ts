import type { Credential } from "../auth/authenticate.ts";
import type { RequestContext } from "../context.ts";
import type { Bindings } from "../env.ts";
import type { Reason } from "../errors.ts";
import type { Lease } from "../auth/leaseToken.ts";

/** Hono's typed environment: the values that the middleware adds to a request. */
export interface Env {
  Bindings: Bindings;
  Variables: {
    request: RequestContext;
    credential: Credential | undefined;
    lease: Lease | undefined;
    /** The decoded parameters in the path of the route or page that matched. */
    params: Record<string, string>;
    /** The path template of the route or page that matched, `/api/stacks/{orgName}/…`; undefined when none did. */
    route: string | undefined;
    /** Why the request was refused. */
    reason: Reason | undefined;
  };
}
