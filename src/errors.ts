/** One field at fault; the wire form of `errors[]` (cli-protocol §1.6). */
export interface FieldError {
  resource: string;
  attribute?: string;
  errorType: "not_found" | "required" | "invalid" | "already_exists" | "custom";
  customMessage?: string;
}

/**
 * A refusal that its caller may see. Anything else that is thrown is a bug and becomes a bare 500.
 * On the wire `code` is the HTTP status as a number: the CLI decides by it, not by the status line (cli-protocol §1.6).
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly status: number;
  readonly errors: FieldError[] | undefined;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, more: { errors?: FieldError[]; headers?: Record<string, string> } = {}) {
    super(message);
    this.status = status;
    this.errors = more.errors;
    this.headers = more.headers ?? {};
  }

  toResponseBody() {
    return { code: this.status, message: this.message, ...(this.errors && { errors: this.errors }) };
  }
}

export const badRequest = (detail: string, errors?: FieldError[]) => new AppError(400, `Bad Request: ${detail}`, errors ? { errors } : {});

/** The text is the CLI's own; why a known credential died travels in `X-Pulumi-Warning` (cli-protocol §1.8). */
export const unauthorized = (warning?: string) =>
  new AppError(401, "Unauthorized: No credentials provided or are invalid.", warning ? { headers: { "X-Pulumi-Warning": warning } } : {});

export const forbidden = (message = "You do not have permission to perform this operation.") => new AppError(403, message);

export const notFound = (what: string) => new AppError(404, `Not Found: ${what} not found`);

export const conflict = (detail: string) => new AppError(409, `Conflict: ${detail}`);

export const tooLarge = (what: string, limit: number) =>
  new AppError(413, `Request Entity Too Large: ${what} is larger than ${limit} bytes`);

export const tooManyRequests = (retryAfter: number) =>
  new AppError(429, "Too Many Requests: try again later", { headers: { "Retry-After": String(retryAfter) } });

/** A binding failed. Nothing was half-written; the caller may try again. */
export const unavailable = (what: string) =>
  new AppError(503, `Service Unavailable: ${what} is not available, try again`, { headers: { "Retry-After": "2" } });
