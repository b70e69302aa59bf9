/** Checks the rules that every answer must satisfy for every caller. */
import { Validator } from "@cfworker/json-schema";
import type { Json, Operation } from "./document.ts";
import type { Credential, Org } from "./world.ts";

/** Maximum number of bytes of a refusal, and of an error page. */
const MOST_REFUSAL = 4096;
export const MOST_PAGE = 64 * 1024;

export interface Exchange {
  credential: Credential;
  method: string;
  /** The path that was sent, with its query. */
  path: string;
  /** The operation of the path, if there is one. */
  operation: Operation | undefined;
  status: number;
  contentType: string;
  requestId: string;
  body: string;
}

export interface Judge {
  /** @returns the faults of an answer */
  faults: (exchange: Exchange) => string[];
  /** Whether the answer contains the canary of the caller's own organization. This proves that the search for canaries works. */
  showsOwn: (exchange: Exchange) => boolean;
}

export function newJudge(document: Json, canaries: Record<Org, string>): Judge {
  const schemas = (document["components"] as { schemas: Json }).schemas;
  const validators = new Map<string, Validator>();

  function mismatch({ operation, method, status, body }: Exchange): string | undefined {
    const answers = operation?.responses;
    if (!answers || method === "HEAD") return undefined;
    const answer = answers[status];
    if (!answer) return `the document has no answer with status ${status}`;
    const schema = answer.content?.["application/json"]?.schema;
    if (!schema) return body === "" ? undefined : "the answer has a body that the document does not describe";
    const key = `${operation.operationId} ${operation.method} ${operation.path} ${status}`;
    let validator = validators.get(key);
    if (!validator) validators.set(key, (validator = new Validator({ ...schema, components: { schemas } } as never, "2020-12")));
    const { valid, errors } = validator.validate(JSON.parse(body));
    return valid ? undefined : errors.map((error) => `${error.instanceLocation}: ${error.error}`).join("; ");
  }

  function faults(exchange: Exchange): string[] {
    const { credential, method, operation, status, contentType, requestId, body } = exchange;
    const found: string[] = [];
    // The runtime itself has refused the request, so the Worker did not receive it.
    if ((status === 414 || status === 431) && requestId === "") return found;
    if (status >= 500) found.push(`answers ${status}`);
    for (const org of ["acme", "globex"] as const)
      if (credential.of !== org && body.includes(canaries[org])) found.push(`gives away data of ${org}`);
    if (requestId === "") found.push("has no request id");
    if (status >= 400) {
      // Outside the API errors are pages.
      const isPage = !exchange.path.startsWith("/api") && contentType.startsWith("text/html");
      if (method !== "HEAD" && !isPage && !isRefusal(body, status)) found.push("is not {code, message} with its status as the code");
      const bytes = Buffer.byteLength(body);
      if (bytes > (isPage ? MOST_PAGE : MOST_REFUSAL)) found.push(`is a refusal of ${bytes} bytes`);
    } else if (status >= 300) {
      found.push(`redirects (${status})`);
    } else if (contentType.startsWith("application/json") || body === "") {
      const wrong = mismatch(exchange);
      if (wrong) found.push(`does not fit its schema: ${wrong.slice(0, 300)}`);
    }
    if (operation && operation.permission !== "public") {
      if (status === 401 && credential.kind === "token") found.push("401 for a good credential");
      if (status < 300 && credential.kind === "bad") found.push("accepts a bad credential");
      if (status < 300 && credential.kind === "lease" && operation.permission !== "lease") found.push("accepts a lease");
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
