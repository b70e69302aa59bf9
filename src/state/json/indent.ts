/** Deeper values are not indented further, so that the result stays in proportion to the text. */
const DEEPEST = 12;

/**
 * Puts each member and element of a JSON text on a line of its own. Strings and numbers stay as they are written, so numbers keep their digits. The text
 * may be cut off anywhere.
 */
export function indent(json: string): string {
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.max(0, Math.min(depth, DEEPEST)))}`;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"?|[{[]\s*[}\]]|[{}[\],:]|[^\s"{}[\],:]+/gs)) {
    const first = token.charAt(0);
    if (first === '"') out += token;
    else if (first === "{" || first === "[") {
      if (token.length > 1) out += first + token.at(-1);
      else {
        depth++;
        out += first + line();
      }
    } else if (first === "}" || first === "]") {
      depth--;
      out += line() + first;
    } else if (first === ",") out += first + line();
    else if (first === ":") out += ": ";
    else out += token;
  }
  return out;
}
