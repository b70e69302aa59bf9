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

/** What a handler may touch, as far as the route's permission has proved it. */
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
 * The contract of one operation, but for its documentation, which is in the folder's `openapi.ts`: the router, the permission matrix and the
 * OpenAPI document are made from it. Names, paths and shapes are those of the public contract; `extension` marks what is ours alone.
 */
export interface RouteDefinition<P extends Permission, A extends Params, Q extends Query, B extends Schema, Id extends string = string> {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With `{name}` parameters, as OpenAPI writes them. An organization's right needs `{orgName}`. */
  path: P extends OrgPermission ? `${string}{orgName}${string}` : string;
  operationId: Id;
  permission: P;
  params?: A;
  query?: Q;
  /** A zod schema for JSON; `stream` when the handler reads the request itself. */
  body?: B | "stream";
  /** Which limit a JSON body has; `json` unless said. */
  bodyLimit?: keyof Limits;
  /** The member of a JSON body that is read as `values`, in place of the whole body, which then has no limit. `body` documents it. */
  values?: ValuesContract;
  /** Brings or makes a whole state: counted as an import, see `requireImportQuota`. */
  isImport?: true;
  /** Stays open to a token whose update still runs on this stack, see `drains`; and to a caller who is beyond a limit. */
  drains?: P extends OrgPermission ? true : never;
  /** Ends or limits a token, a session, a membership or an update: open to a caller who is beyond a limit, so that a flood can be ended. */
  stops?: true;
  /**
   * Carries `X-Pulumi-Warning` about the caller's token. Only where a command comes by once: a client prints the warning of every
   * answer that has one (cli-protocol §1.8).
   */
  warns?: (userAgent: string) => boolean;
  /** Ours alone, not in the public contract. */
  extension?: true;
}

/** A member with strings, of which each has a limit and all together have none. */
export interface ValuesContract {
  member: string;
  /** Any number of strings in a list; else one string. */
  isList: boolean;
  /** Bytes of one string's JSON text. */
  most: (limits: Limits) => number;
  /** The refusal of a string that is longer. */
  tooLong: (limits: Limits) => AppError;
}

export interface Input<A, Q, B> {
  params: A;
  query: Q;
  body: B;
  /** Of a route that has them. */
  values: Values;
  /** The JSON body as it was sent, for what must not be parsed and printed again. */
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
