/**
 * `npm run openapi [-- --check]`: writes public/openapi.json and a part of docs/compatibility.md from the routes and their documentation,
 * or reports that they are stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { contractOf, operationOf } from "../src/app/openapi.ts";
import { DryRun } from "../src/dryRuns/openapi.ts";
import { routes } from "../src/app/routes.ts";
import type { Route } from "../src/http/route.ts";
import { writeOperations } from "./operations.ts";

const file = join(import.meta.dirname, "../public/openapi.json");

type Json = Record<string, unknown>;

/** OpenAPI 3.1 uses JSON Schema 2020-12 unchanged. The answer of a dry run is large and has many operations: it is named by a reference. */
const schemaOf = (schema: z.ZodMiniType, io: "input" | "output", inFull = false): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    target: "draft-2020-12",
    io,
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== DryRun || inFull) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      jsonSchema.$ref = "#/components/schemas/DryRun";
    },
  }) as Json;
  return rest;
};

const refusal = { description: "An error", content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } };

function operation({ definition }: Route): Json {
  const { params, body, permission } = definition;
  const { summary, tags } = operationOf(definition.operationId);
  const { query, answers } = contractOf(definition);
  const parameters = [
    ...Object.entries(propertiesOf(params)).map(([name, schema]) => ({ name, in: "path", required: true, schema })),
    ...Object.entries(propertiesOf(query)).map(([name, schema]) => ({ name, in: "query", required: false, schema })),
  ];
  const content = body && { "application/json": { schema: body === "stream" ? { type: "object" } : schemaOf(body, "input") } };
  return {
    operationId: definition.operationId,
    summary,
    tags,
    ...(parameters.length > 0 && { parameters }),
    ...(content && { requestBody: { content } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, schema]) => [
          status,
          { description: "Done", ...(schema && { content: { "application/json": { schema: schemaOf(schema, "output") } } }) },
        ]),
      ),
      default: refusal,
    },
    security: securityOf(permission),
    "x-stackpass-permission": permission,
    ...(definition.extension && { "x-stackpass-extension": true }),
  };
}

function securityOf(permission: Route["definition"]["permission"]): Json[] {
  if (permission === "public") return [];
  if (permission === "lease") return [{ updateLease: [] }];
  return [permission === "operator" ? { operatorToken: [] } : { accessToken: [] }];
}

const propertiesOf = (schema: z.ZodMiniObject | undefined): Json =>
  schema ? Object.fromEntries(Object.entries(schema.shape).map(([name, field]) => [name, schemaOf(field as z.ZodMiniType, "input")])) : {};

const paths: Record<string, Json> = {};
for (const route of routes) {
  const { path, method } = route.definition;
  (paths[path] ??= {})[method.toLowerCase()] = operation(route);
}

const scheme = (description: string) => ({ type: "apiKey", in: "header", name: "Authorization", description });
const document = {
  openapi: "3.1.0",
  info: {
    title: "Stackpass",
    version: "1.0.0",
    description: "The Pulumi Cloud API, self-hosted. Operations marked x-stackpass-extension exist only in Stackpass.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
  components: {
    schemas: {
      DryRun: schemaOf(DryRun, "output", true),
      Error: {
        type: "object",
        required: ["code", "message"],
        properties: {
          code: { type: "integer", description: "The HTTP status" },
          message: { type: "string" },
          errors: { type: "array", items: { type: "object" } },
        },
      },
    },
    securitySchemes: {
      accessToken: scheme("`token pul-…`: a personal or organization access token"),
      updateLease: scheme("`update-token …`: the lease of a running update"),
      operatorToken: scheme("`Bearer …`: the deployment's OPERATOR_TOKEN"),
    },
  },
};

const text = `${JSON.stringify(document, null, 2)}\n`;
if (!process.argv.includes("--check")) {
  writeFileSync(file, text);
} else if (readFileSync(file, "utf8") !== text) {
  console.error("public/openapi.json is stale: npm run openapi");
  process.exit(1);
}
writeOperations(process.argv.includes("--check"));
