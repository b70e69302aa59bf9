// A Pulumi program whose resources are data: it makes what things.json lists, with a provider that obeys the properties.
"use strict";
const fs = require("node:fs");
const pulumi = require("@pulumi/pulumi");

const provider = {
  async create(inputs) {
    const fs = require("node:fs");
    if (inputs.fails) throw new Error(inputs.fails);
    if (inputs.gate) {
      fs.writeFileSync(`${inputs.gate}.reached`, "");
      while (!fs.existsSync(`${inputs.gate}.open`)) await new Promise((done) => setTimeout(done, 50));
    }
    if (inputs.takes) await new Promise((done) => setTimeout(done, inputs.takes));
    return { id: `id-of-${inputs.label}`, outs: inputs };
  },
  async diff(_id, olds, news) {
    const keys = ["label", "size", "replaceFirst", "drift", "note"];
    const changed = keys.filter((key) => JSON.stringify(olds[key]) !== JSON.stringify(news[key]));
    return {
      changes: changed.length > 0,
      replaces: changed.filter((key) => key === "size"),
      deleteBeforeReplace: news.replaceFirst === "delete",
    };
  },
  async update(_id, _olds, news) {
    return { outs: news };
  },
  // What the world says when it is asked again: the file named `drift`, or nothing at all when that says "gone".
  async read(id, props) {
    const fs = require("node:fs");
    if (!props.drift || !fs.existsSync(props.drift)) return { id, props };
    const found = fs.readFileSync(props.drift, "utf8");
    return found === "gone" ? {} : { id, props: { ...props, note: found } };
  },
  async delete(_id, props) {
    const fs = require("node:fs");
    if (props.stuck && fs.existsSync(props.stuck)) throw new Error(`${props.label} cannot go`);
  },
};

// A dynamic resource, as `pulumi.dynamic.Resource` makes it, but for the way to the text of its provider: the SDK would load TypeScript to read
// the functions, which is a quarter of the work of an update. Each function above needs nothing from outside, so its own text is enough.
const text = `exports.handler = () => ({ ${Object.values(provider).join(", ")} });`;

class Thing extends pulumi.CustomResource {
  constructor(name, props, options) {
    super("pulumi-nodejs:dynamic:Resource", name, { ...props, __provider: text }, options);
  }
}

/** Of the provider in world.cjs. */
class Place extends pulumi.CustomResource {
  constructor(name, props, options) {
    super("world:index:Place", name, { size: undefined, ...props }, options);
  }
}

class Group extends pulumi.ComponentResource {
  constructor(name, options) {
    super("test:index:Group", name, {}, options);
  }
}

const config = new pulumi.Config();
const made = {};
const { things, outputs = {} } = JSON.parse(fs.readFileSync("things.json", "utf8"));
for (const {
  name,
  group,
  place,
  found,
  parent,
  dependsOn = [],
  aliases,
  deletedWith,
  replaceWith,
  secret,
  props = {},
  ...others
} of things) {
  const options = {
    parent: made[parent],
    dependsOn: dependsOn.map((other) => made[other]),
    ...(aliases && { aliases: aliases.map((alias) => ({ name: alias })) }),
    ...(deletedWith && { deletedWith: made[deletedWith] }),
    ...(replaceWith && { replaceWith: [made[replaceWith]] }),
    ...(found && { id: found }),
    ...others,
  };
  const password = secret && { password: config.requireSecret(secret) };
  if (group) made[name] = new Group(name, options);
  else if (place) made[name] = new Place(name, props, options);
  else made[name] = new Thing(name, { label: name, ...props, ...password }, options);
  if (group) made[name].registerOutputs({ name, ...password });
}
const references = {};
for (const [name, from] of Object.entries(outputs)) {
  if (from.stack) exports[name] = (references[from.stack] ??= new pulumi.StackReference(from.stack)).getOutput(from.output);
  else exports[name] = from.config ? config.requireSecret(from.config) : from.thing ? made[from.thing].urn : from.value;
}
