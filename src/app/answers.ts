import { auditLogAnswers } from "../auditlogs/answers.ts";
import type { Answers } from "../http/answers.ts";
import { miscAnswers } from "../misc/answers.ts";
import { operatorAnswers } from "../operator/answers.ts";
import { orgAnswers } from "../orgs/answers.ts";
import { secretAnswers } from "../secrets/answers.ts";
import { stackAnswers } from "../stacks/answers.ts";
import { tokenAnswers } from "../tokens/answers.ts";
import { updateAnswers } from "../updates/answers.ts";
import { userAnswers } from "../users/answers.ts";

/** What each operation of the API answers. Not for the Worker: `npm run check` fails when its bundle reaches this. */
export const answers: Answers = {
  ...miscAnswers,
  ...operatorAnswers,
  ...userAnswers,
  ...tokenAnswers,
  ...orgAnswers,
  ...auditLogAnswers,
  ...stackAnswers,
  ...secretAnswers,
  ...updateAnswers,
};

/** @throws for an operation that has none */
export function answersOf(operationId: string): Answers[string] {
  const found = answers[operationId];
  if (!found) throw new Error(`${operationId} has no answers: write them in its folder's answers.ts`);
  return found;
}
