import { requireUtf8, useBody } from "../http/body.ts";
import { parseJson } from "../http/json.ts";
import type { Wanted } from "./evaluate.ts";
import { OAuthFault } from "./oauthFault.ts";
import { type ExchangedKind, exchangedKinds } from "./table.ts";

/** Maximum number of bytes of the body. */
const MOST_BYTES = 16 * 1024;
export const USUAL_SECONDS = 7200;

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
const AUDIENCE = "urn:pulumi:org:";
const ACCESS_TOKEN = "urn:pulumi:token-type:access_token:";

export interface ExchangeRequest {
  orgName: string;
  subjectToken: string;
  wanted: Wanted;
  scope: string;
  /** The type as the request names it, for the answer. */
  requestedType: string;
  /** Seconds. */
  expiration: number;
}

/** Reads the request of a token exchange, as a form or as JSON (management-api §10.3). @throws OAuthFault, 413 */
export async function readExchangeRequest(request: Request): Promise<ExchangeRequest> {
  const text = await useBody(request, MOST_BYTES, ({ bytes }) => requireUtf8(bytes));
  const isJson = /^application\/([\w.+-]*\+)?json\b/i.test(request.headers.get("Content-Type") ?? "") || text.trimStart().startsWith("{");
  const fields = isJson ? fromJson(text) : fromForm(text);
  const field = (name: string) => fields.get(name) ?? "";

  const grant = field("grant_type");
  if (grant === "") throw new OAuthFault("invalid_request", "grant_type is required.");
  if (grant !== TOKEN_EXCHANGE)
    throw new OAuthFault("unsupported_grant_type", `The only grant type is ${TOKEN_EXCHANGE}. No refresh tokens are issued.`);
  if (field("subject_token_type") !== ID_TOKEN) throw new OAuthFault("invalid_request", `subject_token_type must be ${ID_TOKEN}.`);
  const audience = field("audience");
  const orgName = audience.startsWith(AUDIENCE) ? audience.slice(AUDIENCE.length) : "";
  if (orgName === "") throw new OAuthFault("invalid_target", `audience must be ${AUDIENCE} with the name of the organization.`);
  const subjectToken = field("subject_token");
  if (subjectToken === "") throw new OAuthFault("invalid_request", "subject_token is required.");
  const requestedType = field("requested_token_type");
  const scope = field("scope").trim();
  return {
    orgName,
    subjectToken,
    wanted: wantedBy(kindOf(requestedType), scope),
    scope,
    requestedType,
    expiration: secondsOf(field("expiration")),
  };
}

function kindOf(requestedType: string): ExchangedKind {
  const kind = exchangedKinds.find((one) => requestedType === ACCESS_TOKEN + one);
  if (kind) return kind;
  if (requestedType === "")
    throw new OAuthFault("invalid_request", `requested_token_type is required: ${ACCESS_TOKEN} with organization, team or personal.`);
  throw new OAuthFault("unsupported_token_type", `requested_token_type must be ${ACCESS_TOKEN} with organization, team or personal.`);
}

/** @throws OAuthFault for a scope that does not belong to the kind of token */
export function wantedBy(tokenType: ExchangedKind, scope: string): Wanted {
  switch (tokenType) {
    case "organization":
      if (scope !== "" && scope !== "admin") throw new OAuthFault("invalid_scope", "The scope of an organization token is empty or admin.");
      return { tokenType, name: "", admin: scope === "admin" };
    case "team":
      if (!/^team:.{1,200}$/.test(scope)) throw new OAuthFault("invalid_scope", "The scope of a team token is team:NAME.");
      return { tokenType, name: scope.slice("team:".length), admin: false };
    case "personal":
      if (!/^user:.{1,200}$/.test(scope)) throw new OAuthFault("invalid_scope", "The scope of a personal token is user:LOGIN.");
      return { tokenType, name: scope.slice("user:".length), admin: false };
  }
}

function secondsOf(text: string): number {
  if (text === "") return USUAL_SECONDS;
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new OAuthFault("invalid_request", "expiration must be a number of seconds, at least 1.");
  return Number(text);
}

/** @throws OAuthFault for a parameter that is there twice (RFC 6749 §3.2) */
function fromForm(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) throw new OAuthFault("invalid_request", "Each parameter may be there once.");
    fields.set(name, value);
  }
  return fields;
}

function fromJson(text: string): Map<string, string> {
  const body = parseJson(text);
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new OAuthFault("invalid_request", "The body must be a JSON object.");
  return new Map(
    Object.entries(body).map(([name, value]) => {
      if (typeof value === "object" && value !== null) throw new OAuthFault("invalid_request", "The members of the body must be texts.");
      return [name, value === null ? "" : String(value)];
    }),
  );
}
