import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import { ok } from "../../support/client.ts";
import type { NewToken, World } from "../../support/world.ts";

/** The members of answers that tests read: of a resource, of a list or of an error. */
export interface Body {
  id: string;
  active: boolean;
  userName: string;
  displayName: string;
  members?: { value: string }[];
  meta: { version: string; location: string };
  totalResults: number;
  Resources: Body[];
  schemas: string[];
  status: string;
  detail: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** `undefined` for an empty answer. */
  body: Body;
}

export interface ScimCall {
  token?: string;
  json?: unknown;
  body?: string;
  headers?: Record<string, string>;
  org?: string;
}

/** The value of a new SCIM token of acme. */
export const newScimToken = async (world: World, name = "okta") =>
  (await ok<NewToken>("POST", "/api/orgs/acme/scim/tokens", { token: world.admin, json: { name } })).tokenValue;

/** A client of SCIM with a token. It checks the media type of every answer, and the form of every error. */
export const scimClient =
  (token: string | undefined) =>
  async (method: string, path: string, { json, body, headers = {}, org = "acme" }: ScimCall = {}): Promise<Answer> => {
    const text = json === undefined ? body : JSON.stringify(json);
    const response = await exports.default.fetch(`https://stackpass.test/scim/v2/${org}${path}`, {
      method,
      headers: {
        "CF-Connecting-IP": "203.0.113.9",
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(text !== undefined && { "Content-Type": "application/scim+json" }),
        ...headers,
      },
      ...(text !== undefined && { body: text }),
    });
    const content = await response.text();
    const parsed = (content === "" ? undefined : JSON.parse(content)) as Body;
    expect(response.status, content).toBeLessThan(500);
    if (content !== "") expect(response.headers.get("Content-Type")).toBe("application/scim+json");
    if (response.status >= 400) {
      expect(parsed.schemas).toEqual(["urn:ietf:params:scim:api:messages:2.0:Error"]);
      expect(parsed.status).toBe(String(response.status));
      expect(parsed.detail).toBeTypeOf("string");
    }
    return { status: response.status, headers: response.headers, body: parsed };
  };

export type Scim = ReturnType<typeof scimClient>;

/** Makes a call that must succeed. */
export async function good(scim: Scim, method: string, path: string, json?: unknown): Promise<Body> {
  const answer = await scim(method, path, json === undefined ? {} : { json });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body;
}

export const patchOf = (...Operations: unknown[]) => ({ schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations });
export const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
export const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const userOf = (userName: string, more: Record<string, unknown> = {}) => ({ schemas: [USER], userName, ...more });
