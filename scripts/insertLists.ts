/** The inserts of a source whose values can be counted: a list that is a single `${…}` is made elsewhere. */
export function insertsIn(source: string): { table: string; values: number }[] {
  return [...source.matchAll(/\.insert\((\w+)\)\s*\.select\(\s*sql`\s*SELECT\s/g)].flatMap((match) => {
    const list = selectList(source.slice(match.index + match[0].length));
    return list.length === 1 && /^\$\{.*\}$/s.test(list[0]!) ? [] : [{ table: match[1]!, values: list.length }];
  });
}

/** The values between SELECT and FROM or WHERE, or the end of the template. */
function selectList(text: string): string[] {
  const values = [""];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "$" && text[i + 1] === "{") {
      const end = endOfCode(text, i + 2);
      values.push(values.pop()! + text.slice(i, end));
      i = end - 1;
      continue;
    }
    if (char === "`") break;
    if (char === "'") {
      const end = text.indexOf("'", i + 1) + 1;
      values.push(values.pop()! + text.slice(i, end));
      i = end - 1;
      continue;
    }
    if (depth === 0 && /^\s(?:FROM|WHERE)\s/.test(text.slice(i, i + 7))) break;
    if (char === "(") depth++;
    if (char === ")") depth--;
    if (char === "," && depth === 0) values.push("");
    else values.push(values.pop()! + char);
  }
  return values.map((value) => value.trim());
}

/** The index after the brace that ends `${`. Code in it may have templates with code of their own. */
function endOfCode(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === "}") return i + 1;
    if (text[i] === "{") i = endOfCode(text, i + 1) - 1;
    else if (text[i] === '"') i = text.indexOf('"', i + 1);
    else if (text[i] === "`") {
      for (i++; text[i] !== "`"; i++) if (text[i] === "$" && text[i + 1] === "{") i = endOfCode(text, i + 2) - 1;
    }
  }
  return text.length;
}
