import * as z from "zod/mini";
import { auditLogOperations } from "../auditlogs/openapi.ts";
import { DryRun } from "../dryRuns/openapi.ts";
import { explainOperations } from "../explain/openapi.ts";
import { historyOperations } from "../history/openapi.ts";
import type { Operation } from "../http/openapi.ts";
import type { Route } from "../http/route.ts";
import { identityOperations } from "../identity/openapi.ts";
import { stubOperations } from "../stubs/openapi.ts";
import { oidcOperations } from "../oidc/openapi.ts";
import { scimOperations } from "../scim/openapi.ts";
import { operatorOperations } from "../operator/openapi.ts";
import { orgOperations } from "../orgs/openapi.ts";
import { registryOperations } from "../registry/openapi.ts";
import { rightsizeOperations } from "../rightsize/openapi.ts";
import { roleOperations } from "../roles/openapi.ts";
import { secretOperations } from "../secrets/openapi.ts";
import { sessionOperations } from "../sessions/openapi.ts";
import { ssoOperations } from "../sso/openapi.ts";
import { stackOperations } from "../stacks/openapi.ts";
import { streamOperations } from "../streams/openapi.ts";
import { webhookOperations } from "../webhooks/openapi.ts";
import { teamOperations } from "../teams/openapi.ts";
import { tokenOperations } from "../tokens/openapi.ts";
import { updateOperations } from "../updates/openapi.ts";
import { userOperations } from "../users/openapi.ts";
import type { routes } from "./routes.ts";

type OperationId = (typeof routes)[number]["definition"]["operationId"];

/**
 * The documentation of each operation of the API; an operation without documentation does not compile. The Worker must not import it: `npm
 * run check` fails when the bundle contains it.
 */
export const operations: Record<OperationId, Operation> = {
  ...stubOperations,
  ...registryOperations,
  ...operatorOperations,
  ...userOperations,
  ...sessionOperations,
  ...tokenOperations,
  ...orgOperations,
  ...roleOperations,
  ...teamOperations,
  ...oidcOperations,
  ...ssoOperations,
  ...scimOperations,
  ...auditLogOperations,
  ...streamOperations,
  ...webhookOperations,
  ...rightsizeOperations,
  ...stackOperations,
  ...explainOperations,
  ...secretOperations,
  ...identityOperations,
  ...historyOperations,
  ...updateOperations,
};

/** @throws for an id without a route */
export function operationOf(operationId: string): Operation {
  if (!(operationId in operations)) throw new Error(`no route has the operation ${operationId}`);
  return operations[operationId as OperationId];
}

/** The query parameters of a route, and its good answers by status. A dry run has a parameter and an answer of its own. */
export function contractOf({
  operationId,
  query,
  dryRun,
}: Route["definition"]): Pick<Route["definition"], "query"> & Pick<Operation, "answers"> {
  const { answers } = operationOf(operationId);
  if (!dryRun) return { query, answers };
  return {
    query: z.extend(query ?? z.object({}), { dryRun: z.optional(z.enum(["true", "false"])) }),
    answers: { ...answers, 200: answers[200] ? z.union([answers[200], DryRun]) : DryRun },
  };
}
