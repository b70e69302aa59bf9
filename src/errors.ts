/** An error of one field; the wire form of `errors[]` (cli-protocol §1.6). */
export interface FieldError {
  resource: string;
  attribute?: string;
  errorType: "not_found" | "required" | "invalid" | "already_exists" | "custom" | "saml_reauth_required";
  customMessage?: string;
}

/** The reason of a refusal, for the operator. Logs and metrics use the same words. */
export type Reason =
  | "bad_request"
  | "plain_http"
  | "no_credential"
  | "unknown_credential"
  | "ended_credential"
  | "missing_right"
  | "limited_credential"
  | "lease_over"
  | "not_found"
  | "conflict"
  | "too_large"
  | "rate_limited"
  | "unavailable"
  | "bug"
  | "other";

const byStatus: Record<number, Reason> = {
  400: "bad_request",
  401: "unknown_credential",
  403: "missing_right",
  404: "not_found",
  409: "conflict",
  413: "too_large",
  429: "rate_limited",
  500: "bug",
  503: "unavailable",
};

export const reasonOf = (status: number): Reason => byStatus[status] ?? "other";

/** Bounds of an error response, which may repeat names and texts of the request: bytes of JSON, and number of field errors. */
const MOST_MESSAGE = 1500;
const MOST_ATTRIBUTE = 150;
const MOST_ERRORS = 10;

/** Cuts a text to a number of bytes in JSON, and ends it with an ellipsis. */
function cut(text: string, room: number): string {
  if (bytesOf(text) <= room) return text;
  let end = Math.min(text.length, room);
  while (bytesOf(text.slice(0, end)) > room - 3) end = Math.floor(end * 0.9);
  return `${text.slice(0, end).toWellFormed()}…`;
}

const bytesOf = (text: string) => (text.length > 2 * MOST_MESSAGE ? text.length : encoder.encode(JSON.stringify(text)).length);
const encoder = new TextEncoder();

const short = (error: FieldError): FieldError => ({
  ...error,
  ...(error.attribute !== undefined && { attribute: cut(error.attribute, MOST_ATTRIBUTE) }),
});

interface Details {
  errors?: FieldError[];
  headers?: Record<string, string>;
  /** Only needed if it differs from `reasonOf(status)`. */
  reason?: Reason;
}

/**
 * An error that the caller may see. Any other error is a bug and becomes a 500 without details.
 * On the wire `code` is the HTTP status as a number: the CLI reads it and not the status line (cli-protocol §1.6).
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly status: number;
  readonly errors: FieldError[] | undefined;
  readonly headers: Record<string, string>;
  readonly reason: Reason;

  constructor(status: number, message: string, more: Details = {}) {
    super(cut(message, MOST_MESSAGE));
    this.status = status;
    this.errors = more.errors?.slice(0, MOST_ERRORS).map(short);
    this.headers = more.headers ?? {};
    this.reason = more.reason ?? reasonOf(status);
  }

  toResponseBody() {
    return { code: this.status, message: this.message, ...(this.errors && { errors: this.errors }) };
  }
}

export const badRequest = (detail: string, errors?: FieldError[]) => new AppError(400, `Bad Request: ${detail}`, errors ? { errors } : {});

/** The CLI expects this text. The reason why a known credential is not valid is sent in `X-Pulumi-Warning` (cli-protocol §1.8). */
export const unauthorized = (reason: Reason, warning?: string) =>
  new AppError(401, "Unauthorized: No credentials provided or are invalid.", {
    reason,
    ...(warning && { headers: { "X-Pulumi-Warning": warning } }),
  });

export const forbidden = (message = "You do not have permission to perform this operation.", reason?: Reason) =>
  new AppError(403, message, reason && { reason });

export const notFound = (what: string) => new AppError(404, `Not Found: ${what} not found`);

export const conflict = (detail: string) => new AppError(409, `Conflict: ${detail}`);

export const tooLarge = (what: string, limit: number) =>
  new AppError(413, `Request Entity Too Large: ${what} is larger than ${limit} bytes`);

/** @param retryAfter seconds */
export const tooManyRequests = (retryAfter: number, why = "try again later") =>
  new AppError(429, `Too Many Requests: ${why}`, { headers: { "Retry-After": String(retryAfter) } });

/** The error of a binding. Nothing was written in part, and the caller may try again. */
export const unavailable = (what: string) =>
  new AppError(503, `Service Unavailable: ${what} is not available, try again`, { headers: { "Retry-After": "2" } });
