import { auditLogOperations } from "../auditlogs/operations.ts";
import type { Operations } from "../http/operation.ts";
import { miscOperations } from "../stubs/operations.ts";
import { operatorOperations } from "../operator/operations.ts";
import { orgOperations } from "../orgs/operations.ts";
import { registryOperations } from "../registry/operations.ts";
import { secretOperations } from "../secrets/operations.ts";
import { sessionOperations } from "../sessions/operations.ts";
import { stackOperations } from "../stacks/operations.ts";
import { tokenOperations } from "../tokens/operations.ts";
import { updateOperations } from "../updates/operations.ts";
import { userOperations } from "../users/operations.ts";

/** What is told of each operation of the API. Not for the Worker: `npm run check` fails when its bundle reaches this. */
export const operations: Operations = {
  ...miscOperations,
  ...registryOperations,
  ...operatorOperations,
  ...userOperations,
  ...sessionOperations,
  ...tokenOperations,
  ...orgOperations,
  ...auditLogOperations,
  ...stackOperations,
  ...secretOperations,
  ...updateOperations,
};

/** @throws for one that is not among them */
export function operationOf(operationId: string): Operations[string] {
  const found = operations[operationId];
  if (!found) throw new Error(`${operationId} is missing in its folder's operations.ts`);
  return found;
}
