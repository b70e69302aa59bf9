import type { OrgContext } from "../context.ts";
import { guarded } from "../auth/guard.ts";
import { AppError } from "../errors.ts";
import { opens } from "../secrets/decrypt.ts";
import { type StackPath, stackAt } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import type { Inspection } from "../state/checkpoint.ts";

/**
 * Refuses a state whose secrets belong to another stack (cli-protocol §5.3): its secrets provider names another stack, and its secrets
 * cannot be decrypted with this stack's key. The name is not enough: a state from before a rename has the stack's old name. A ciphertext
 * does not name its stack, but only the key of that stack decrypts it.
 */
export async function refuseForeignSecrets(ctx: OrgContext, path: StackPath, state: Inspection): Promise<void> {
  const { secretsProvider, ciphertexts } = state;
  if (secretsProvider?.type !== "service" || ciphertexts.length === 0 || names(secretsProvider.state, path)) return;
  const [found] = await guarded(ctx, [ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path))]);
  const stack = found[0];
  // If the stack does not exist, the import itself throws the error.
  if (stack && !(await opens(ctx.env, stack.id, ciphertexts)))
    throw new AppError(400, "cannot import deployment with encrypted secrets from a different stack");
}

/** Whether a provider's state names this stack (cli-protocol §5.5). */
function names(state: string | undefined, path: StackPath): boolean {
  const { owner, project, stack } = (JSON.parse(state ?? "null") ?? {}) as { owner?: unknown; project?: unknown; stack?: unknown };
  return owner === path.orgName && project === path.projectName && stack === path.stackName;
}
