import type { StackPath } from "../../stacks/path.ts";
import { pathOf } from "./frame.tsx";

/** Ends the update that its reader saw, and not one that has begun since. */
export const CancelForm = ({ path, updateId }: { path: StackPath; updateId: string }) => (
  <form method="post" action={`${pathOf(path)}/cancel`}>
    <input type="hidden" name="updateID" value={updateId} />
    <button class="danger">Cancel it</button>
    <p class="hint">What it has begun may be left half done: resources can stay pending until the next refresh.</p>
  </form>
);
