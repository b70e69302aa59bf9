/** Messages of the Worker's log that are not shown in the terminal, because they are about background work. */
const quiet = new Set(["cron", "queue", "alarm", "audit stream", "webhook"]);

interface Line {
  message?: string;
  error?: string;
  method?: string;
  route?: string;
  status?: number;
  reason?: string;
  token?: string;
  update?: string;
  ms?: number;
}

/** A line of the Worker's log in a readable form; undefined when it is not shown. */
export async function readable(text: string, callerOf: (tokenId: string) => Promise<string>): Promise<string | undefined> {
  const line = read(text);
  if (line?.message === undefined) return text;
  if (line.message === "request") return requestLine(line, callerOf);
  if (line.error !== undefined) return `${line.message}: ${line.error}`;
  return quiet.has(line.message) ? undefined : text;
}

async function requestLine({ method, route, status, reason, token, update, ms }: Line, callerOf: (tokenId: string) => Promise<string>) {
  const path = route === "none" ? "(no such path)" : route;
  const caller = token ? await callerOf(token) : update ? `update ${update.slice(0, 8)}` : "no caller";
  return `${method} ${path} ${status} ${ms} ms, ${caller}${reason ? `: ${reason}` : ""}`;
}

function read(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Line) : undefined;
  } catch {
    return undefined;
  }
}
