import type { StackPath } from "../../stacks/path.ts";
import { pathOf } from "./frame.tsx";

/** Cancels the update that the page showed, not one that started later. */
export const CancelForm = ({ path, updateId }: { path: StackPath; updateId: string }) => (
  <form method="post" action={`${pathOf(path)}/cancel`}>
    <input type="hidden" name="updateID" value={updateId} />
    <button class="danger">Cancel update</button>
    <p class="hint">Resources in progress may be left in a pending state; run `pulumi refresh`.</p>
  </form>
);
