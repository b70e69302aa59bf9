import { AppError } from "../errors.ts";

/** Codes of RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 7009 §2.2.1. */
export type OAuthCode =
  | "invalid_request"
  | "invalid_grant"
  | "invalid_scope"
  | "invalid_target"
  | "unsupported_grant_type"
  | "unsupported_token_type"
  | "temporarily_unavailable";

/** A refusal of the token endpoint. It has the members of OAuth, and those of every other refusal. */
export class OAuthFault extends AppError {
  readonly code: OAuthCode;

  constructor(code: OAuthCode, description: string, status = 400, headers: Record<string, string> = {}) {
    super(status, description, { headers });
    this.code = code;
  }

  override toResponseBody() {
    return { ...super.toResponseBody(), error: this.code, error_description: this.message };
  }
}

/** Gives any other refusal the members of OAuth. */
export function asOAuth(error: AppError): OAuthFault {
  if (error instanceof OAuthFault) return error;
  const isLater = error.status === 429 || error.status >= 500;
  return new OAuthFault(isLater ? "temporarily_unavailable" : "invalid_request", error.message, error.status, error.headers);
}
