/** Folders of adapters are found, selected and loaded as the table of adapters says. */
import { afterEach, expect, test, vi } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { controlNetAdapter } from "../adapters/controlnet.js";
import { readServed } from "./read-served.js";
import { allWeights } from "./served.js";

const modelsDir = EMBEDDED_MODELS;
const { weights } = controlNetAdapter;

afterEach(() => vi.restoreAllMocks());

test("a folder is an adapter's where its class is that of a row", () => {
  const ids = () => allWeights(readServed({ modelsDir })).map(({ id }) => id);
  expect(ids()).toEqual(["tiny-sd", "controlnet-canny", "controlnet-depth"]);
  vi.spyOn(weights, "className", "get").mockReturnValue("T2IAdapter");
  expect(ids()).toEqual(["tiny-sd"]);
});

test("the row reads its config and names its networks", () => {
  const read = vi.spyOn(weights, "read");
  const { adapters } = readServed({ modelsDir, adapters: { controlnet: ["lines=controlnet-canny"] } });
  expect(adapters).toMatchObject([{ kind: "controlnet", type: "lines", id: "controlnet-canny" }]);
  expect(adapters[0]!.config).toBe(read.mock.results[0]!.value);
  expect(adapters[0]!.networks.map(({ network }) => network)).toEqual(weights.always);
});

test("one that is not there is named with the variable that selects it", () => {
  const select = () => readServed({ modelsDir, adapters: { controlnet: ["pose"] } });
  expect(select).toThrow(/^CONTROLNETS: pose is not under MODELS_DIR; there is canny=controlnet-canny, depth=/);
});
