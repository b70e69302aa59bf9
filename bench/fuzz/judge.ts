/** What must hold for every answer, whoever made the request. */
import { Validator } from "@cfworker/json-schema";
import type { Json, Operation } from "./document.ts";
import type { Credential, Org } from "./world.ts";

/** Bytes of a refusal, and of a page that is one. */
const MOST_REFUSAL = 4096;
export const MOST_PAGE = 64 * 1024;

export interface Exchange {
  credential: Credential;
  method: string;
  /** As it was sent, with its query. */
  path: string;
  /** The operation that took it, if one did. */
  operation: Operation | undefined;
  status: number;
  contentType: string;
  requestId: string;
  body: string;
}

export interface Judge {
  /** @returns what is wrong with an answer; empty when nothing is */
  faults: (exchange: Exchange) => string[];
  /** Whether it holds what was planted in the caller's own organization: else nothing would be found in the other's. */
  showsOwn: (exchange: Exchange) => boolean;
}

export function newJudge(document: Json, canaries: Record<Org, string>): Judge {
  const schemas = (document["components"] as { schemas: Json }).schemas;
  const validators = new Map<string, Validator>();

  function mismatch({ operation, method, status, body }: Exchange): string | undefined {
    const answers = operation?.responses;
    if (!answers || method === "HEAD") return undefined;
    const answer = answers[status];
    if (!answer) return `${status} is not among its answers`;
    const schema = answer.content?.["application/json"]?.schema;
    if (!schema) return body === "" ? undefined : "a body where none is said";
    const key = `${operation.operationId} ${operation.method} ${operation.path} ${status}`;
    let validator = validators.get(key);
    if (!validator) validators.set(key, (validator = new Validator({ ...schema, components: { schemas } } as never, "2020-12")));
    const { valid, errors } = validator.validate(JSON.parse(body));
    return valid ? undefined : errors.map((error) => `${error.instanceLocation}: ${error.error}`).join("; ");
  }

  function faults(exchange: Exchange): string[] {
    const { credential, method, operation, status, contentType, requestId, body } = exchange;
    const found: string[] = [];
    // The runtime has refused it by itself, and the Worker was not asked.
    if ((status === 414 || status === 431) && requestId === "") return found;
    if (status >= 500) found.push(`answers ${status}`);
    for (const org of ["acme", "globex"] as const)
      if (credential.of !== org && body.includes(canaries[org])) found.push(`gives away data of ${org}`);
    if (requestId === "") found.push("has no request id");
    if (status >= 400) {
      // Outside the API a browser gets a page.
      const isPage = !exchange.path.startsWith("/api") && contentType.startsWith("text/html");
      if (method !== "HEAD" && !isPage && !isRefusal(body, status)) found.push("is no {code, message} with the code of its status");
      const bytes = Buffer.byteLength(body);
      if (bytes > (isPage ? MOST_PAGE : MOST_REFUSAL)) found.push(`refuses in ${bytes} bytes`);
    } else if (status >= 300) {
      found.push(`redirects (${status})`);
    } else if (contentType.startsWith("application/json") || body === "") {
      const wrong = mismatch(exchange);
      if (wrong) found.push(`does not fit its schema: ${wrong.slice(0, 300)}`);
    }
    if (operation && operation.permission !== "public") {
      if (status === 401 && credential.kind === "token") found.push("401 for a good credential");
      if (status < 300 && credential.kind === "bad") found.push("a bad credential is let in");
      if (status < 300 && credential.kind === "lease" && operation.permission !== "lease") found.push("a lease is let in");
    }
    return found;
  }

  const showsOwn = ({ credential, body }: Exchange) => credential.of !== undefined && body.includes(canaries[credential.of]);

  return { faults, showsOwn };
}

function isRefusal(body: string, status: number): boolean {
  try {
    const { code, message } = JSON.parse(body) as { code: unknown; message: unknown };
    return code === status && typeof message === "string" && message !== "";
  } catch {
    return false;
  }
}
