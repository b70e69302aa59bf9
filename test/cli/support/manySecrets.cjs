// A Pulumi program with secrets in its resources: case.json lists, for each resource, the bytes of each of its secrets.
"use strict";
const { createHash } = require("node:crypto");
const pulumi = require("@pulumi/pulumi");
const { resources, stash } = require("./case.json");

/** The same text as `secretText` in manySecrets.ts. */
const secretText = (i, bytes) =>
  createHash("shake256", { outputLength: Math.ceil(bytes / 2) })
    .update(`secret ${i}`)
    .digest("hex")
    .slice(0, bytes);

class Group extends pulumi.ComponentResource {
  constructor(name, outputs) {
    super("test:index:Group", name);
    this.registerOutputs(outputs);
  }
}

let next = 0;
resources.map((sizes, r) => {
  const secrets = sizes.map((bytes) => pulumi.secret(secretText(next++, bytes)));
  if (stash) return new pulumi.Stash(`r${r}`, { input: secrets.length === 1 ? secrets[0] : secrets });
  return new Group(`r${r}`, Object.fromEntries(secrets.map((secret, k) => [`v${k}`, secret])));
});
