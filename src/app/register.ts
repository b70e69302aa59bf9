import type { Context } from "hono";
import type * as z from "zod/mini";
import { authenticate, enterWithLease } from "../auth/authenticate.ts";
import { authorize, requireWholeAccount, withRightsOnStack } from "../auth/authorize.ts";
import { type Sender, addBytes, metered, requireByteQuota } from "../auth/meter.ts";
import { enterAsOperator, operatorTokensOf } from "../auth/operator.ts";
import { isCounted, requireImportQuota, requireRequestQuota } from "../auth/quota.ts";
import { retryAfterChange } from "../auth/retry.ts";
import { warningTo } from "../auth/warning.ts";
import type { OrgContext } from "../context.ts";
import { AppError, badRequest, unavailable } from "../errors.ts";
import { loaded } from "../loaded.ts";
import { bodyStream, requireUtf8, useBody } from "../http/body.ts";
import { DRY_RUN, isDryRun, mayMeanDryRun, requireNoDryRunIn } from "../http/dryRunParameter.ts";
import { originOf } from "../http/origin.ts";
import { parseJson } from "../http/json.ts";
import { stringsIn } from "../http/strings.ts";
import { type Values, readValues } from "../http/values.ts";
import { type Limits, limitsOf } from "../limits.ts";
import type { Env } from "../http/environment.ts";
import { Handlers } from "../http/handlers.ts";
import type { ContextFor, Route, ValuesContract } from "../http/route.ts";
import type { Permission, StackRef } from "../auth/policy.ts";
import { withWrittenNames } from "../stacks/written.ts";

type AnyInput = Parameters<Route["handler"]>[1] & { dryRun: boolean };

const dryRuns = loaded(() => import("../dryRuns/dryRun.ts"));

/** The handlers of routes. */
export function handlersOf(routes: Route[]): Handlers {
  const handlers = new Handlers();
  for (const route of routes) {
    const { method, path } = route.definition;
    handlers.add(method === "HEAD" ? "GET" : method, path.replaceAll(/\{(\w+)\}/g, ":$1"), (c) => serve(c, route));
  }
  return handlers;
}

/** Handles a request in this order: authenticate, authorize, parse, run, answer. The caller is authorized before anything else is read. */
async function serve(c: Context<Env>, route: Route): Promise<Response> {
  const { path, permission } = route.definition;
  c.set("route", path);
  // If the deployment has no operator's credential, this route does not exist.
  if (permission === "operator" && operatorTokensOf(c.env).length === 0) return c.notFound();
  await admit(c, route);
  return handle(c, route, await readInput(c, route));
}

async function admit(c: Context<Env>, route: Route): Promise<void> {
  const { permission, isImport } = route.definition;
  const request = c.get("request");
  if (permission === "lease") {
    c.set("lease", await enterWithLease(request, c.req.header("Authorization"), c.get("params")));
  } else if (permission === "operator") {
    await enterAsOperator(request, c.req.header("Authorization"));
  } else if (permission !== "public") {
    const credential = await authenticate(request, c.req.header("Authorization"), orgParam(c), { drainsOn: drainsOn(c, route) });
    // The log names the caller from here on, whatever the result.
    c.set("credential", credential);
    // A dry run ends nothing, so it is counted even if the real call is not.
    if (isCounted(route.definition) || c.req.query(DRY_RUN) !== undefined) await requireQuotas(c, credential, isImport);
    c.set("credential", await authorize(request, credential, permission, orgParam(c), stackParam(c)));
    if (permission === "person" && !route.definition.bounded) await requireWholeAccount(request, credential.actor);
  }
}

/** Checks the deployment's limits on callers, before anything is read for them. @throws 429 */
async function requireQuotas(c: Context<Env>, sender: Sender, isImport = false): Promise<void> {
  const request = c.get("request");
  await requireRequestQuota(request, sender);
  if (isImport) await requireImportQuota(request, sender);
  if (c.req.raw.body) await requireByteQuota(request, sender);
}

/** Parses the request by the route's schemas. */
async function readInput(c: Context<Env>, { definition }: Route): Promise<AnyInput> {
  const { params, query, body, bodyLimit, values } = definition;
  const input = {
    dryRun: isDryRun(c, definition),
    params: params ? read(params, c.get("params")) : c.get("params"),
    query: query ? read(query, queryOf(c)) : {},
    body: undefined,
    values: { first: [], more: undefined },
    text: "",
    request: c.req.raw,
  };
  if (values) return { ...input, values: await valuesOf(c, values) };
  if (body === "stream" || (!body && !(mayMeanDryRun(definition) && c.req.raw.body))) return input;
  const text = await readText(c, bodyLimit ?? "json");
  const sender = c.get("credential");
  if (sender) addBytes(c.get("request"), sender, text.length);
  const json = body ? parseJson(text) : jsonIn(text);
  if (mayMeanDryRun(definition)) requireNoDryRunIn(json, definition);
  return body ? { ...input, text, body: read(body, json) } : input;
}

/** The JSON of a body that the operation does not read; undefined if the body is not JSON. */
function jsonIn(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function valuesOf(c: Context<Env>, { member, isList, most, tooLong }: ValuesContract): Promise<Values> {
  const limits = limitsOf(c.env);
  const sender = c.get("credential");
  const body = bodyStream(c.req.raw, Infinity);
  const counted = sender ? metered(c.get("request"), sender, body) : body;
  return readValues(stringsIn(counted, { member, isList, most: most(limits), mostBeside: limits.json, tooLong: () => tooLong(limits) }));
}

function read<S extends z.ZodMiniType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refusalOf(result.error);
}

/** A parameter that is sent once is a text; one that is sent repeatedly is a list. */
const queryOf = (c: Context<Env>) =>
  Object.fromEntries(Object.entries(c.req.queries()).map(([name, values]) => [name, values.length === 1 ? values[0] : values]));

/** The body of a JSON route, inflated and limited; it is read only if there is one (cli-protocol trap 8). */
async function readText(c: Context<Env>, limit: keyof Limits): Promise<string> {
  const text = await useBody(c.req.raw, limitsOf(c.env)[limit], ({ bytes }) => requireUtf8(bytes));
  // JSON has no byte order mark; bodies that are read as a stream refuse it as well.
  if (text.startsWith("\ufeff")) throw badRequest("the body begins with a byte order mark");
  return text.trim() === "" ? "{}" : text;
}

async function handle(c: Context<Env>, route: Route, input: AnyInput): Promise<Response> {
  const request = c.get("request");
  const attempt = async (fresh: boolean) => {
    if (fresh) await admitAgain(c, route);
    const credential = c.get("credential");
    const result = await withRightsOnStack(request, credential, orgParam(c), () =>
      withWrittenNames(request, credential?.org, stackParam(c), async (written) => {
        const named = written ? { ...input, params: { ...input.params, ...written } } : input;
        if (!input.dryRun) return route.handler(contextOf(c), named);
        const { operationId, method, dryRun: known } = route.definition;
        const tried = { operationId, method, path: c.req.path, reports: known === "report" };
        const { dryRun } = await dryRuns();
        return dryRun(contextOf(c) as OrgContext, tried, (rehearsal) => route.handler(rehearsal as never, named));
      }),
    );
    credential?.used(request);
    return warned(c, route, answer(c, result));
  };
  return c.get("credential") ? retryAfterChange(attempt) : attempt(false);
}

/** Reads the caller from the database again, because the cache may be old or the body was slow. @throws 503 when the body is used up */
async function admitAgain(c: Context<Env>, route: Route): Promise<void> {
  const { permission, body } = route.definition;
  const request = c.get("request");
  request.now = Math.max(request.now, Date.now());
  const credential = await authenticate(request, c.req.header("Authorization"), orgParam(c), { fresh: true, drainsOn: drainsOn(c, route) });
  c.set("credential", await authorize(request, { ...credential, guarded: true }, permission as never, orgParam(c), stackParam(c)));
  if (body === "stream" && c.req.raw.bodyUsed) throw unavailable("the credential's new state");
}

/** Adds the warning for the token's holder, to answers of the operations that each command calls once. */
function warned(c: Context<Env>, { definition }: Route, response: Response): Response {
  const credential = c.get("credential");
  const request = c.get("request");
  const warning =
    definition.warns?.(request.userAgent) && credential && warningTo(credential, request.userAgent, request.now, originOf(c.env, c.req));
  if (warning) response.headers.set("X-Pulumi-Warning", warning);
  return response;
}

function contextOf(c: Context<Env>): ContextFor<Permission> {
  const credential = c.get("credential");
  const lease = c.get("lease");
  return Object.assign(
    c.get("request"),
    credential && { actor: credential.actor, org: credential.org, relied: [] },
    lease && { lease },
  ) as ContextFor<Permission>;
}

function answer(c: Context<Env>, result: unknown): Response {
  if (result instanceof Response) return result;
  if (result === undefined) return c.body(null, 204);
  return c.json(result as never, 200);
}

const drainsOn = (c: Context<Env>, { definition }: Route) =>
  definition.drains && {
    orgName: c.get("params")["orgName"] ?? "",
    projectName: c.get("params")["projectName"] ?? "",
    stackName: c.get("params")["stackName"] ?? "",
  };

/** The stack as named in the path; whether it exists is checked later. */
const stackParam = (c: Context<Env>): StackRef | undefined => {
  const { projectName, stackName } = c.get("params");
  return projectName && stackName ? { projectName, stackName } : undefined;
};

const orgParam = (c: Context<Env>): string | undefined => c.get("params")["orgName"];

/** Maximum number of faults in an answer, because a body may have a hundred thousand. */
const MOST_FAULTS = 10;

function refusalOf({ issues: all }: z.core.$ZodError): AppError {
  const issues = all.slice(0, MOST_FAULTS);
  const errors = issues.map((issue) => ({ resource: "request", attribute: placeOf(issue), errorType: "invalid" as const }));
  const sentence = issues.find((issue) => issue.message.endsWith("."))?.message;
  // A message that is a complete sentence has the wording of the public contract, and scripts may search for it.
  return sentence ? new AppError(400, sentence, { errors }) : badRequest(issues.map(wording).join("; "), errors);
}

/** Our own messages name their subject. Messages of zod need the name of the member. */
const wording = (issue: z.core.$ZodIssue) =>
  issue.path.length > 0 && /^(Invalid|Too|Unrecognized) /.test(issue.message) ? `${placeOf(issue)}: ${issue.message}` : issue.message;

const placeOf = ({ path }: z.core.$ZodIssue) => path.join(".");
