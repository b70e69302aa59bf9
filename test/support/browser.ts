import { exports } from "cloudflare:workers";
import { expect } from "vitest";

const site = "https://stackpass.test";

/** What a browser without JavaScript does: pages and forms, with the cookies of one person. */
export interface Visitor {
  get: (path: string) => Promise<Response>;
  post: (path: string, form: Record<string, string>, headers?: Record<string, string>) => Promise<Response>;
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
  return {
    get: (path) => send(path, {}),
    post: (path, form, headers = {}) => {
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
    },
    with: (answer) => newVisitor([...(cookie ? [cookie] : []), ...cookiesOf(answer)].join("; ")),
  };
}

const cookiesOf = (answer: Response) => answer.headers.getSetCookie().map((set) => set.split(";")[0]);

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
