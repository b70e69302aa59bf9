/** A store on this machine with the parts of S3 and STS that an export of the audit log needs, like MinIO. It runs in Node. */
import { createServer } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

export interface Store {
  url: string;
  /** The objects by their path, `/BUCKET/KEY`. */
  objects: Map<string, Buffer>;
  /** Writes the objects under a path into a folder, as `aws s3 sync` does. */
  copy: (path: string, folder: string) => void;
  /** The requests for the temporary key of a role. */
  asked: URLSearchParams[];
}

/** @returns the store, which ends with the process */
export async function startStore(): Promise<Store> {
  const objects = new Map<string, Buffer>();
  const asked: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { pathname } = new URL(request.url ?? "/", "http://store");
      if (request.method === "POST") {
        asked.push(new URLSearchParams(body.toString()));
        return response.writeHead(200, { "Content-Type": "text/xml" }).end(temporaryKey());
      }
      if (request.headers["x-amz-security-token"] !== "session") return response.writeHead(403).end();
      if (objects.has(pathname) && request.headers["if-none-match"] === "*") return response.writeHead(412).end();
      objects.set(pathname, body);
      return response.writeHead(200, { ETag: '"e"' }).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  server.unref();
  const copy = (path: string, folder: string) => {
    for (const [name, body] of objects) {
      if (!name.startsWith(path)) continue;
      const file = join(folder, name.slice(path.length));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, body);
    }
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, objects, copy, asked };
}

const temporaryKey = () => `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
  <AccessKeyId>ASIATEMPORARY</AccessKeyId><SecretAccessKey>temporary</SecretAccessKey><SessionToken>session</SessionToken>
  <Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration>
  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
