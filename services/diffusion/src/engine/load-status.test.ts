/** Networks come and go one by one; models and ControlNets are told as wholes. */
import type { ResidentStatus } from "@armature/runtime";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { residentKey } from "../facts/network-use.js";
import { readServed } from "../served/read-served.js";
import { usesOf } from "../served/served-networks.js";
import { componentStatuses } from "./load-status.js";

const served = readServed({ modelsDir: EMBEDDED_MODELS });
const model = served.models[0]!;
const always = model.networks.filter((network) => network.always);

const resident = (key: string, i: number): ResidentStatus => ({ key, bytes: 10 ** i, loadMs: i, lastUse: 100 + i });
const loaded = (precision?: "int8", networks = always) =>
  usesOf(model, precision, networks).map(residentKey).map(resident);

test("a model is loaded once every network is that each request uses", () => {
  expect(componentStatuses([], served)).toEqual([]);
  const whole = { key: "tiny-sd", bytes: 1111, loadMs: 6, lastUse: 103, complete: true };
  expect(componentStatuses(loaded(), served)).toEqual([whole]);
  const withoutText = loaded().slice(1);
  expect(componentStatuses(withoutText, served)).toEqual([{ ...whole, bytes: 1110, complete: false }]);
});

test("both precisions share what has no choice, and neither is told by that alone", () => {
  const [text] = loaded();
  expect(componentStatuses([text!], served)).toEqual([]);
  expect(componentStatuses(loaded("int8"), served).map(({ key }) => key)).toEqual(["tiny-sd (int8)"]);
  const keys = new Set([...loaded(), ...loaded("int8")].map(({ key }) => key));
  expect(keys.size).toBe(6); // UNet and its prompt twice, text encoder and decoder once
});

test("a network that some requests use is told by its name", () => {
  const sometimes = model.networks.filter((network) => !network.always);
  expect(componentStatuses(loaded("int8", sometimes), served)).toMatchObject([
    { key: "tiny-sd (shallow UNet, int8)", bytes: 1, complete: true },
  ]);
});

test("a model's bytes are those of its files, less what 8 bits save", () => {
  const { bytes, networks } = model;
  const sum = (precision: "float32" | "int8") =>
    networks.reduce((total, network) => total + network.bytes[precision], 0);
  expect(sum("float32")).toBeLessThan(bytes.float32 * 1.06); // the shallow UNet holds some of it twice
  const saved = always.reduce((total, network) => total + network.bytes.float32 - network.bytes.int8, 0);
  expect(bytes.float32 - bytes.int8).toBe(saved);
  expect(bytes.int8 / bytes.float32).toBeLessThan(0.65); // text encoder and VAE are whole
  for (const { kind, bytes: own } of networks) expect(own.int8 < own.float32).toBe(kind === "unet");
});
