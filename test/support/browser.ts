import { exports } from "cloudflare:workers";
import { expect } from "vitest";

const site = "https://stackpass.test";

/**
 * A browser without JavaScript: it opens pages and sends forms, with the cookies of one person. A form that is refused is shown again at
 * the address of its page: `post` follows that redirect, and no other.
 */
export interface Visitor {
  get: (path: string) => Promise<Response>;
  post: (path: string, form: Record<string, string>, headers?: Record<string, string>) => Promise<Response>;
  /** Sends a form as `post` does, and returns the first answer, whatever its status is. */
  submit: (path: string, form: Record<string, string>, headers?: Record<string, string>) => Promise<Response>;
  /** The same visitor, with the cookies that an answer has set. */
  with: (answer: Response) => Visitor;
}

export function newVisitor(cookie = ""): Visitor {
  const send = (path: string, init: RequestInit & { headers?: Record<string, string> }) =>
    exports.default.fetch(site + path, {
      redirect: "manual",
      ...init,
      headers: { Accept: "text/html", "CF-Connecting-IP": "203.0.113.9", ...(cookie && { Cookie: cookie }), ...init.headers },
    });
  const submit: Visitor["submit"] = (path, form, headers = {}) => {
    const body = String(new URLSearchParams(form));
    return send(path, {
      method: "POST",
      body,
      headers: {
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": String(body.length),
        Origin: site,
        "Sec-Fetch-Site": "same-origin",
        ...headers,
      },
    });
  };
  return {
    get: (path) => send(path, {}),
    submit,
    post: async (path, form, headers) => {
      const answer = await submit(path, form, headers);
      if (!cookiesOf(answer).some((set) => /^__Host-stackpass-refused=./.test(set))) return answer;
      return newVisitor(cookie).with(answer).get(answer.headers.get("Location")!);
    },
    with: (answer) => newVisitor(joined([...cookie.split("; "), ...cookiesOf(answer)])),
  };
}

const cookiesOf = (answer: Response) => answer.headers.getSetCookie().map((set) => set.split(";")[0]!);

/** A later cookie replaces an earlier one of the same name, or deletes it. */
function joined(cookies: string[]): string {
  const byName = new Map<string, string>();
  for (const cookie of cookies) byName.set(cookie.split("=", 1)[0]!, cookie);
  return [...byName.values()].filter((cookie) => !/^$|=$/.test(cookie)).join("; ");
}

/** Signs somebody in with their personal token. */
export async function signIn(token: string): Promise<Visitor> {
  const response = await newVisitor().post("/signin", { token });
  expect(response.status, await response.clone().text()).toBe(303);
  return newVisitor().with(response);
}

/** The page of an answer that must be good. */
export async function shown(answer: Promise<Response>, status = 200): Promise<string> {
  const response = await answer;
  const text = await response.text();
  expect(response.status, text).toBe(status);
  return text;
}

const decoded = (text: string) =>
  text.replaceAll("&#39;", "'").replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** The fields of the form with that action, as a browser would send them unchanged with the form's first button. */
export function fieldsOf(html: string, action: string): Record<string, string> {
  const at = html.indexOf(`action="${action}"`);
  expect(at, `a form with the action ${action}`).toBeGreaterThan(0);
  const form = html.slice(at).split("</form>")[0]!;
  const fields: Record<string, string> = {};
  for (const [input] of form.matchAll(/<input[^>]*>/g)) {
    const of = (name: string) => new RegExp(`\\s${name}="([^"]*)"`).exec(input)?.[1];
    if (["radio", "checkbox"].includes(of("type") ?? "") && !/\schecked/.test(input)) continue;
    fields[of("name")!] = decoded(of("value") ?? "");
  }
  for (const [, name, options] of form.matchAll(/<select[^>]*\sname="([^"]*)"[^>]*>(.*?)<\/select>/gs))
    fields[name!] = decoded(/<option value="([^"]*)" selected/.exec(options!)?.[1] ?? "");
  for (const [, name, text] of form.matchAll(/<textarea[^>]*\sname="([^"]*)"[^>]*>(.*?)<\/textarea>/gs))
    // A browser drops the first line break of a text, and sends the others as two characters.
    fields[name!] = decoded(text!).replace(/^\n/, "").replaceAll(/\r?\n/g, "\r\n");
  return fields;
}
