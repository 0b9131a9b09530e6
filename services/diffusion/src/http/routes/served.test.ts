/** Two ControlNets of one type, for models of two families: which is taken, and what the list says. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ControlNetsResponse, controlNetsResponse } from "@armature/contract";
import type { InvalidRequest } from "@armature/core";
import type { Jobs } from "@armature/jobs";
import { afterAll, expect, test } from "vitest";
import { startService } from "../../../../../testing/http-service.js";
import { fixtureModels } from "../../../../../testing/model-folders.js";
import { generateRequest } from "../../contract/generate.js";
import { resolveRequest } from "../../request/resolve.js";
import { readServed } from "../../served/read-served.js";
import { servedRoutes } from "./served.js";

const [SD1, OTHER_SD1] = ["lllyasviel/sd-controlnet-depth", "lllyasviel/control_v11f1p_sd15_depth"];
const SD2 = "thibaud/controlnet-sd21-depth-diffusers";

const fixtures = fixtureModels();
const folder = mkdtempSync(join(tmpdir(), "two-families-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
  fixtures.remove();
});

const PLACED = { sd15: "sd15-random", sd21: "sd21-random", [SD1]: "controlnet-sd15-random-a" };
for (const [id, fixture] of Object.entries({ ...PLACED, [SD2]: "controlnet-sd21-random" })) {
  mkdirSync(dirname(join(folder, id)), { recursive: true });
  symlinkSync(join(fixtures.folder, fixture), join(folder, id));
}

const limits = {
  ...{ maxPixels: 1e6, maxSteps: 50, maxImages: 1, maxControlNets: 1 },
  ...{ maxPromptLength: 100, maxWork: 1e9 },
};

function taken(model: string, controlnet: object, controlnets?: string[]) {
  const context = {
    served: readServed({ modelsDir: folder, adapters: { controlnet: controlnets } }),
    limits,
    drawSeed: () => 0,
  };
  const request = generateRequest(limits).parse({
    prompt: "a cat",
    model,
    controlnets: [{ image: "AAAA", ...controlnet }],
  });
  return resolveRequest(request, { ...context, precision: "float32" });
}

function refusal(...asked: Parameters<typeof taken>): unknown {
  try {
    return taken(...asked);
  } catch (error) {
    return (error as InvalidRequest).issues;
  }
}

test.each([
  ["sd15", SD1],
  ["sd21", SD2],
])("a request for %s gets the depth net that was made for it, and its picture is annotated", (model, net) => {
  for (const controlnets of [undefined, ["depth"]]) {
    const { controls, pictures } = taken(model, { type: "depth" }, controlnets);
    expect(controls).toMatchObject([{ type: "depth", net, processor: "depth_midas" }]);
    expect(pictures).toMatchObject([{ annotation: { processor: "depth_midas" } }]);
  }
});

test("one of several of a type is named by its folder; of none that fits all are named", () => {
  expect(taken("sd15", { type: SD1 }).controls).toMatchObject([{ type: SD1, net: SD1, processor: "depth_midas" }]);
  const issue = (detail: string) => [{ pointer: "/controlnets/0/type", detail }];
  expect(refusal("sd15", { type: SD2 })).toEqual(issue(`${SD2} was not made for a model like sd15`));
  expect(refusal("sd15", { type: "depth" }, [`depth=${SD2}`])).toEqual(
    issue(`${SD2} was not made for a model like sd15`),
  );
});

test("GET /controlnets says which net each model gets for its type", async () => {
  symlinkSync(join(fixtures.folder, "controlnet-sd15-random-b"), join(folder, OTHER_SD1));
  const served = readServed({ modelsDir: folder });
  rmSync(join(folder, OTHER_SD1));
  const device = { device: "cpu", checks: [], rejected: [] } as never;
  const routes = servedRoutes({
    ...{ served, device, precision: "float32", deviceMemory: undefined },
    ...{ jobs: {} as Jobs, loaded: () => [] },
  });
  const { url } = await startService((router) => void router.use(routes));
  const answer = controlNetsResponse.parse(await (await fetch(`${url}/controlnets`)).json()) as ControlNetsResponse;
  expect(answer.controlnets.map(({ type, model, for_models }) => [type, model, for_models])).toEqual([
    ["depth", OTHER_SD1, ["sd15"]],
    ["depth", SD1, []],
    ["depth", SD2, ["sd21"]],
  ]);
});
