import type * as z from "zod/mini";
import type { ActorContext, OrgContext, PersonContext, RequestContext } from "../context.ts";
import type { OrgPermission, Permission } from "../auth/policy.ts";
import type { Lease } from "../auth/leaseToken.ts";
import type { AppError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Values } from "./values.ts";

type Schema = z.ZodMiniType;
type Params = z.ZodMiniObject;
type Query = z.ZodMiniObject;

/** The context that a handler gets: only the parts that the route's permission has checked. */
export type ContextFor<P extends Permission> = P extends "public" | "operator"
  ? RequestContext
  : P extends "self"
    ? ActorContext
    : P extends "person"
      ? PersonContext
      : P extends "lease"
        ? RequestContext & { lease: Lease }
        : OrgContext;

/**
 * The contract of one operation. The router, the permission matrix and the OpenAPI document are made from it; its documentation is in the
 * folder's `openapi.ts`. Names, paths and shapes are those of the public contract; `extension` marks the operations that only Stackpass
 * has.
 */
export interface RouteDefinition<P extends Permission, A extends Params, Q extends Query, B extends Schema, Id extends string = string> {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With `{name}` parameters, as in OpenAPI. A permission of an organization needs `{orgName}`. */
  path: P extends OrgPermission ? `${string}{orgName}${string}` : string;
  operationId: Id;
  permission: P;
  params?: A;
  query?: Q;
  /** A zod schema for JSON; `stream` when the handler reads the request itself. */
  body?: B | "stream";
  /** The limit of a JSON body; `json` by default. */
  bodyLimit?: keyof Limits;
  /** The member of a JSON body that is read as `values` instead of the whole body; the body then has no limit. `body` documents it. */
  values?: ValuesContract;
  /** Imports or creates a whole state: counted as an import, see `requireImportQuota`. */
  isImport?: true;
  /**
   * A credential that is valid in one organization only may make the call: the operation sees only what belongs to that organization. Every
   * other operation on the caller's account refuses such a credential, see `requireWholeAccount`.
   */
  bounded?: P extends "person" ? true : never;
  /** Allowed for a deleted token whose update still runs on this stack, see `drains`; and for a caller who exceeds a limit. */
  drains?: P extends OrgPermission ? true : never;
  /**
   * Ends or restricts a token, a session, a membership or an update. Allowed for a caller who exceeds a limit, so that a flood can be
   * ended.
   */
  stops?: true;
  /**
   * With the query parameter `dryRun=true` the call changes nothing and answers whose rights it would change, see `dryRun`. `report`: the
   * answer also contains that of the real call, which is a report. Every other operation that is not a GET refuses the parameter.
   */
  dryRun?: P extends OrgPermission ? true | "report" : never;
  /**
   * Adds `X-Pulumi-Warning` about the caller's token. Only for an operation that each command calls once: a client prints the warning of
   * every answer that has one (cli-protocol §1.8).
   */
  warns?: (userAgent: string) => boolean;
  /** Not in the public contract: only Stackpass has it. */
  extension?: true;
}

/** A member of strings: each string has a limit, but their number does not. */
export interface ValuesContract {
  member: string;
  /** The member is a list of any number of strings; else it is one string. */
  isList: boolean;
  /** Maximum number of bytes of one string's JSON text. */
  most: (limits: Limits) => number;
  /** The message of the error when a string is longer. */
  tooLong: (limits: Limits) => AppError;
}

export interface Input<A, Q, B> {
  params: A;
  query: Q;
  body: B;
  /** Only for routes with `values`. */
  values: Values;
  /** The JSON body as it was sent, for content that must not be parsed and serialized again. */
  text: string;
  request: Request;
}

type Handler<P extends Permission, A extends Params, Q extends Query, B extends Schema> = (
  ctx: ContextFor<P>,
  input: Input<z.infer<A>, z.infer<Q>, z.infer<B>>,
) => Promise<unknown>;

export interface Route<Id extends string = string> {
  definition: RouteDefinition<Permission, Params, Query, Schema, Id>;
  handler: Handler<Permission, Params, Query, Schema>;
}

/**
 * Binds a contract to its handler. A handler returns the answer's JSON, `undefined` for an empty 204, or a `Response`.
 * A route without a permission does not compile.
 */
export function defineRoute<P extends Permission, A extends Params, Q extends Query, B extends Schema, const Id extends string>(
  definition: RouteDefinition<P, A, Q, B, Id>,
  handler: Handler<P, A, Q, B>,
): Route<Id> {
  return { definition, handler } as unknown as Route<Id>;
}
