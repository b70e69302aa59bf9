#!/usr/bin/env node
// A provider in its own process, for what dynamic resources cannot do: import what exists, and read it.
"use strict";
const { main } = require("@pulumi/pulumi/provider");
const { ReadRequest } = require("@pulumi/pulumi/proto/provider_pb");
const { Struct } = require("google-protobuf/google/protobuf/struct_pb.js");

// Nothing is known of what is imported, and the SDK does not expect that.
const { getProperties } = ReadRequest.prototype;
ReadRequest.prototype.getProperties = function () {
  return getProperties.call(this) ?? new Struct();
};

const schema = {
  name: "world",
  version: "1.0.0",
  resources: { "world:index:Place": { properties: { size: { type: "number" } }, inputProperties: { size: { type: "number" } } } },
};

const world = {
  version: schema.version,
  schema: JSON.stringify(schema),
  async check(_urn, _olds, news) {
    return { inputs: news };
  },
  async diff(_id, _urn, olds, news) {
    return { changes: olds.size !== news.size };
  },
  async create(urn, inputs) {
    return { id: `id-of-${urn.split("::").at(-1)}`, outs: inputs };
  },
  async update(_id, _urn, _olds, news) {
    return { outs: news };
  },
  // Everything exists, as long as its name.
  async read(id) {
    return { id, inputs: { size: id.length }, props: { size: id.length } };
  },
  async delete() {},
};

main(world, process.argv.slice(2));
