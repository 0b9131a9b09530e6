import { generateRequest, type Precision } from "@armature/contract";
import { InvalidRequest } from "@armature/core";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { readCatalogue } from "../engine/catalogue.js";
import { planGeneration } from "./plan.js";

const catalogue = readCatalogue({ modelsDir: EMBEDDED_MODELS });
const limits = { maxPixels: 1e6, maxSteps: 50, maxImages: 1, maxControlNets: 1, maxPromptLength: 100, maxWork: 1e9 };

/** The precision that a request gets from a service with this one. */
function planned(asked: Precision | undefined, precision: Precision | undefined) {
  const request = generateRequest(limits).parse({ prompt: "a cat", precision: asked });
  return planGeneration(request, { catalogue, limits, precision, drawSeed: () => 0 }).precision;
}

test("a request's precision goes before the service's", () => {
  expect(planned(undefined, "float32")).toBe("float32");
  expect(planned(undefined, "int8")).toBe("int8");
  expect(planned("int8", "float32")).toBe("int8");
  expect(planned("float32", "int8")).toBe("float32");
});

test("where no CPU computes, a request that names a precision is refused by that field, others go on", () => {
  expect(planned(undefined, undefined)).toBeUndefined();
  for (const asked of ["int8", "float32"] as const) {
    try {
      planned(asked, undefined);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidRequest);
      expect((error as InvalidRequest).issues).toEqual([
        { pointer: "/precision", detail: expect.stringContaining("no CPU computes here") },
      ]);
    }
  }
});
