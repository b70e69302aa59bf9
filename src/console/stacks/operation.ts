/**
 * The color of an operation on a resource: a creation has the color of success, a deletion that of a fault, and a change that of a warning.
 */
export function colorOf(op: string): "good" | "bad" | "warning" | undefined {
  if (op.startsWith("create") || op.startsWith("import")) return "good";
  if (op.startsWith("delete") || op.startsWith("discard")) return "bad";
  return op === "update" || op.startsWith("replace") || op === "refresh" ? "warning" : undefined;
}
