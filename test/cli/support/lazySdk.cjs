// Loaded before each Node program of a test. The SDK loads TypeScript and half of npm, which it needs only to read the text of functions. No
// program of the tests makes it do that, and without them an update takes two thirds of the work. They are loaded when something asks for them.
"use strict";
const Module = require("node:module");

// Node has no other place where a `require` can be answered lazily.
const LOAD = "_load";
const load = Module[LOAD];
const isHeavy = (request, parent) =>
  (request === "@npmcli/arborist" || request.endsWith("/typescript-shim")) && parent?.filename.includes("/@pulumi/pulumi/runtime/closure/");

Module[LOAD] = function (request, parent, ...others) {
  if (!isHeavy(request, parent)) return load.call(this, request, parent, ...others);
  let loaded;
  const it = () => (loaded ??= load.call(this, request, parent, ...others));
  // What is no ES module would be copied, member by member.
  return new Proxy({}, { get: (_, name) => (name === "__esModule" ? true : it()[name]) });
};
