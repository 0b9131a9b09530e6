/** What the names in WARM mean. */
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { readServed } from "./read-served.js";
import { warmIds } from "./warm-ids.js";

const served = readServed({
  modelsDir: EMBEDDED_MODELS,
  adapters: { controlnet: ["lines=controlnet-canny", "lines=controlnet-depth"] },
});

test("a model is named by its id, adapters by their type: all of it", () => {
  expect([...warmIds(["tiny-sd", "lines"], served)]).toEqual([
    ["tiny-sd", ["tiny-sd"]],
    ["lines", ["controlnet-canny", "controlnet-depth"]],
  ]);
});

test("a name that is not served is refused with those that are", () => {
  const detail = "WARM: pose is neither a model nor a ControlNet type served; there is tiny-sd, lines";
  expect(() => warmIds(["pose"], served)).toThrow(detail);
});
