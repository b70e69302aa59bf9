/** The color of an operation on a resource: what comes is good, what goes is bad, what changes is a warning. */
export function colorOf(op: string): "good" | "bad" | "warning" | undefined {
  if (op.startsWith("create") || op.startsWith("import")) return "good";
  if (op.startsWith("delete") || op.startsWith("discard")) return "bad";
  return op === "update" || op.startsWith("replace") || op === "refresh" ? "warning" : undefined;
}
