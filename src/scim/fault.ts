import { AppError } from "../errors.ts";

/** Kinds of errors of SCIM (RFC 7644 §3.12). */
export type ScimType =
  | "invalidFilter"
  | "tooMany"
  | "uniqueness"
  | "mutability"
  | "invalidSyntax"
  | "invalidPath"
  | "noTarget"
  | "invalidValue";

/** An error of SCIM. Any other `AppError` is answered in the same format, without a `scimType`. */
export class ScimFault extends AppError {
  readonly scimType: ScimType | undefined;

  constructor(status: number, detail: string, scimType?: ScimType, headers: Record<string, string> = {}) {
    super(status, detail, { headers });
    this.scimType = scimType;
  }
}

export const invalid = (scimType: ScimType, detail: string) => new ScimFault(400, detail, scimType);
export const invalidValue = (detail: string) => invalid("invalidValue", detail);
export const notUnique = (detail: string) => new ScimFault(409, detail, "uniqueness");
export const noResource = (what: string, id: string) => new ScimFault(404, `There is no ${what} with the id "${id.slice(0, 100)}".`);
export const changedMeanwhile = () =>
  new ScimFault(412, "The version of the resource is not the one in If-Match: read the resource again.");

const ERROR = "urn:ietf:params:scim:api:messages:2.0:Error";

/** The body of an error. The status is a text (identity-facts C-16). */
export const toErrorBody = (error: AppError) => ({
  schemas: [ERROR],
  status: String(error.status),
  ...(error instanceof ScimFault && error.scimType && { scimType: error.scimType }),
  detail: error.message,
});
