/** Reads the operations of the service's OpenAPI document, and adds existing names to the document. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bodyFor } from "./bodies.ts";

export type Json = Record<string, unknown>;

export interface Parameter {
  name: string;
  in: "path" | "query";
  required: boolean;
  schema: Json;
}

export interface Operation {
  operationId: string;
  method: string;
  path: string;
  permission: string;
  parameters: Parameter[];
  body: Json | undefined;
  /** The successful answers by status. */
  responses: Record<string, { content?: Record<string, { schema: Json }> }>;
  /** Matches a path without its query. */
  fits: RegExp;
}

export const readDocument = (): Json => JSON.parse(readFileSync(join(import.meta.dirname, "../../public/openapi.json"), "utf8")) as Json;

type RawOperation = Json & {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Json; example?: unknown }> };
  responses: Operation["responses"];
};

export function operationsOf(document: Json): Operation[] {
  return Object.entries(document["paths"] as Record<string, Record<string, RawOperation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]) => {
      const { default: _, ...responses } = raw.responses;
      return {
        operationId: raw.operationId,
        method: method.toUpperCase(),
        path,
        permission: String(raw["x-stackpass-permission"]),
        parameters: raw.parameters ?? [],
        body: raw.requestBody?.content["application/json"]?.schema,
        responses,
        fits: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
      };
    }),
  );
}

/** The operation that a router would choose: of the matching ones, the one with the fewest parameters. */
export function operationFor(operations: Operation[], method: string, path: string): Operation | undefined {
  const plain = path.split("?")[0]!;
  const asked = method === "HEAD" && !operations.some((o) => o.method === "HEAD" && o.fits.test(plain)) ? "GET" : method;
  return operations
    .filter((operation) => operation.method === asked && operation.fits.test(plain))
    .toSorted((a, b) => a.path.split("{").length - b.path.split("{").length)[0];
}

/** The document with `known` names for its parameters, and an example body where the schema is only "an object". */
export function seeded(document: Json, known: Record<string, string[]>): Json {
  const copy = structuredClone(document);
  for (const [path, methods] of Object.entries(copy["paths"] as Record<string, Record<string, RawOperation>>)) {
    for (const operation of Object.values(methods)) {
      for (const parameter of operation.parameters ?? []) {
        const values = known[parameter.name];
        if (values && parameter.in === "path") parameter.schema = { type: "string", enum: [...new Set(values)] };
      }
      const content = operation.requestBody?.content["application/json"];
      const good = content && bodyFor(path);
      if (content && good) content.example = good;
    }
  }
  return copy;
}
