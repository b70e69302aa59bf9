import type { OrgContext } from "../context.ts";
import { guarded } from "../auth/guard.ts";
import { AppError } from "../errors.ts";
import { opens } from "../secrets/decrypt.ts";
import { type StackPath, stackAt } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import type { Inspection } from "../state/checkpoint.ts";

/**
 * A state that names another stack as the keeper of its secrets is refused when it has secrets that this stack cannot open
 * (cli-protocol §5.3). The name alone does not decide: a state exported before a rename names the old one, and its secrets are
 * this stack's own. A ciphertext says nothing of its stack, but only its own stack's key opens it.
 */
export async function refuseForeignSecrets(ctx: OrgContext, path: StackPath, state: Inspection): Promise<void> {
  const { secretsProvider, ciphertexts } = state;
  if (secretsProvider?.type !== "service" || ciphertexts.length === 0 || names(secretsProvider.state, path)) return;
  const [found] = await guarded(ctx, [ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path))]);
  const stack = found[0];
  // Of a stack that is not there the import itself tells.
  if (stack && !(await opens(ctx.env, stack.id, ciphertexts)))
    throw new AppError(400, "cannot import deployment with encrypted secrets from a different stack");
}

/** Whether a provider's state is about that stack (cli-protocol §5.5). */
function names(state: string | undefined, path: StackPath): boolean {
  const { owner, project, stack } = (JSON.parse(state ?? "null") ?? {}) as { owner?: unknown; project?: unknown; stack?: unknown };
  return owner === path.orgName && project === path.projectName && stack === path.stackName;
}
