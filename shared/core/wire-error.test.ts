import { deserialize, serialize } from "node:v8";
import { EngineUnavailable } from "@armature/engine";
import { MethodNotAllowed } from "@armature/http";
import { QueueFull } from "@armature/jobs";
import { expect, test } from "vitest";
import { Cancelled, InvalidModel, InvalidRequest, OutOfMemory } from "./errors.js";
import { fromWireError, toWireError } from "./wire-error.js";

const cross = (thrown: unknown) => fromWireError(deserialize(serialize(toWireError(thrown))));

test.each([
  new InvalidRequest([{ pointer: "/seed", detail: "must be a number" }]),
  new MethodNotAllowed("PUT is not allowed", ["GET", "HEAD"]),
  new QueueFull(3),
  new EngineUnavailable("it does not start", 9),
  new Cancelled(),
  new OutOfMemory("wants 6 GB, the budget is 4 GB"),
])("$name crosses with all its fields", (error) => {
  const arrived = cross(error);
  expect(arrived.constructor).toBe(error.constructor);
  expect({ ...arrived }).toEqual({ ...error });
  expect([arrived.name, arrived.message]).toEqual([error.name, error.message]);
  expect(arrived.stack).toMatch(new RegExp(`^${error.name}: `));
  expect(toWireError(error).trace).toBeUndefined();
});

test("an error that only calls itself like one of ours stays a plain Error", () => {
  const error = Object.assign(new Error("forged"), { name: "QueueFull", code: "queue-full" });
  const arrived = cross(error);
  expect(arrived.constructor).toBe(Error);
  expect(arrived).not.toHaveProperty("code");
  for (const name of ["toString", "__proto__", "AppErrorX"]) {
    expect(fromWireError({ code: name, message: "m", fields: {} }).constructor).toBe(Error);
  }
});

test("a trace holds the whole chain of causes", () => {
  const error = new InvalidModel("unet", { cause: new Error("header", { cause: "cut at byte 8" }) });
  expect(toWireError(error).trace).toMatch(
    /InvalidModel: unet\n.*caused by: Error: header\n.*caused by: cut at byte 8$/s,
  );
  expect(cross(error).stack).toBe(toWireError(error).trace);
});
