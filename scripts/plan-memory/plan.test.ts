import { fileURLToPath } from "node:url";
import { OutOfMemory } from "@armature/core";
import { generateRequest } from "@armature/diffusion/contract/index";
import { FIXED_BYTES, neededBytes } from "@armature/diffusion/engine/memory/needed-bytes";
import { findInFolders, memoryOfUses } from "@armature/diffusion/engine/memory/network-memory";
import { completeRequest } from "@armature/diffusion/features/complete";
import { recipeOf } from "@armature/diffusion/pipelines/index";
import { resolveRequest } from "@armature/diffusion/request/resolve";
import { factsOf } from "@armature/diffusion/served/facts-of";
import { readServed } from "@armature/diffusion/served/read-served";
import { recipeUses } from "@armature/diffusion/stages/recipe";
import { describe, expect, onTestFinished, test } from "vitest";
import { fixtureModels } from "../../testing/model-folders.js";
import { type AskedPictures, type ComponentMemory, cardForms, componentMemories } from "./component-memory.js";
import { planReport } from "./report.js";
import { selectFullSize, selectOnDisk } from "./selection.js";
import { judge } from "./verdict.js";

const MODELS = fileURLToPath(new URL("../../models", import.meta.url));
const PICTURE: AskedPictures = { width: 512, height: 512, images: 1 };
const bytesOf = (components: ComponentMemory[]) => neededBytes(components.flatMap(({ networks }) => networks));
const FIXED = FIXED_BYTES["device context"] + FIXED_BYTES.workspaces;

describe("Stable Diffusion 1.5", () => {
  const plan = (request: Partial<AskedPictures>, controlnets = ["depth"], device: "webgpu" | "cuda" = "webgpu") =>
    componentMemories(selectFullSize(controlnets), { ...PICTURE, ...request }, cardForms(device));
  const networkOf = (components: ComponentMemory[], name: string) =>
    components.flatMap(({ networks }) => networks).find((p) => p.name === name)!;

  test("weights are those of the published float16 files; the VAE's decoder is float32 on WebGPU", () => {
    const components = plan({});
    const gigabytes = (...names: string[]) =>
      names.reduce((sum, name) => sum + networkOf(components, name).weightBytes, 0) / 1e9;
    expect(gigabytes("UNet", "prompt")).toBeCloseTo(1.719, 3); // 859,520,964 parameters
    expect(gigabytes("text encoder")).toBeCloseTo(0.246, 2); // 123,060,480
    const [, controlnet] = components;
    const whole = controlnet!.networks.reduce((sum, { weightBytes }) => sum + weightBytes, 0);
    expect(whole / 1e9).toBeCloseTo(0.7225, 3); // 361,279,120
    expect(gigabytes("VAE decoder")).toBeCloseTo(0.198, 2); // 49,490,199 in float32
    expect(networkOf(plan({}, [], "cuda"), "VAE decoder").weightBytes / 1e9).toBeCloseTo(0.099, 2);
  });

  test("activations grow with the picture and with the number of pictures", () => {
    const unet = (request: Partial<AskedPictures>) => networkOf(plan(request, [], "cuda"), "UNet").activationBytes;
    const [one, two, larger] = [unet({}), unet({ images: 2 }), unet({ width: 640, height: 640 })];
    // scores of 2 x 8 heads over 4096 tokens, before and after softmax: 2 x 512 MiB
    expect(one).toBeGreaterThan(1024 * 2 ** 20);
    expect(one).toBeLessThan(1200 * 2 ** 20);
    expect(two / one).toBeGreaterThan(1.5);
    expect(larger / one).toBeGreaterThan(1.5);
  });

  test("pictures are decoded one at a time, and in tiles where the device binds no more", () => {
    const decoder = (request: Partial<AskedPictures>, device: "webgpu" | "cuda") =>
      networkOf(plan(request, [], device), "VAE decoder").activationBytes;
    expect(decoder({ images: 4 }, "cuda")).toBe(decoder({}, "cuda"));
    expect(decoder({ width: 768, height: 768 }, "webgpu")).toBe(decoder({}, "webgpu"));
    expect(decoder({ width: 768, height: 768 }, "cuda")).toBeGreaterThan(2 * decoder({}, "cuda"));
  });

  test("a ControlNet's residuals are held while the UNet runs", () => {
    const unet = (controlnets: string[]) => networkOf(plan({}, controlnets, "cuda"), "UNet").activationBytes;
    // twelve skips and the middle, batch 2, float16
    const perCell = [320 * 4096 * 3, (320 + 640 * 2) * 1024, (640 + 1280 * 2) * 256, 1280 * 64 * 4];
    const bytes = 2 * 2 * perCell.reduce((sum, elements) => sum + elements, 0);
    expect(unet(["depth"]) - unet([])).toBeGreaterThan(0.99 * bytes);
    expect(unet(["depth"]) - unet([])).toBeLessThan(1.01 * bytes);
  });

  test("one ControlNet fits 12 GB, fourteen do not: the last ones are to be evicted", () => {
    expect(judge(plan({}), 12e9)).toMatchObject({ fits: true, evicted: [] });
    const types = Array.from({ length: 14 }, (_, i) => `net-${i}`);
    const components = plan({}, types);
    const { fits, together, evicted } = judge(components, 12e9);
    expect(fits).toBe(false);
    expect([...together, ...evicted]).toEqual(["sd15", ...types]);
    expect(bytesOf(components.slice(0, together.length))).toBeLessThanOrEqual(12e9);
    expect(bytesOf(components.slice(0, together.length + 1))).toBeGreaterThan(12e9);
  });

  test("a tensor above what the device binds is refused, and says so", () => {
    expect(() => plan({ width: 1024, height: 1024, images: 2 })).toThrow(OutOfMemory);
  });
});

test("the service holds a request against the figure that is planned for the same selection", () => {
  const forms = cardForms("webgpu");
  const selection = { modelsDir: MODELS, models: ["tiny-sd"], controlnets: ["depth"] };
  const planned = bytesOf(componentMemories(selectOnDisk(selection), { ...PICTURE, images: 2 }, forms));
  const served = readServed({ modelsDir: MODELS });
  const memoryOf = memoryOfUses(findInFolders(served), forms);
  const limits = { maxPixels: 1e6, maxSteps: 50, maxImages: 2, maxControlNets: 1, maxPromptLength: 9, maxWork: 1e9 };
  const fields = { width: 512, height: 512, num_images_per_prompt: 2, guidance_scale: 7.5 };
  const request = { prompt: "a cat", ...fields, controlnets: [{ type: "depth", image: "AAAA" }] };
  const service = { served, limits, precision: undefined, drawSeed: () => 1 };
  const resolved = resolveRequest(generateRequest(limits).parse(request), service);
  const uses = recipeUses(recipeOf(completeRequest(resolved)), factsOf(served, forms));
  expect(neededBytes(memoryOf(uses))).toBe(planned);
});

const component = (id: string, weightBytes: number, activationBytes: number): ComponentMemory => ({
  id,
  networks: [{ component: id, name: "network", weightBytes, activationBytes, key: id, resident: id }],
});

test("weights and activations add up: each network keeps what it took", () => {
  expect(bytesOf([component("a", 2e9, 1e9), component("b", 1e9, 3e9)])).toBe(FIXED + 3e9 + 4e9);
});

test("a ControlNet that does not fit does not keep a smaller one out", () => {
  const components = [component("model", 2e9, 1e9), component("large", 9e9, 0), component("small", 1e9, 0)];
  expect(judge(components, FIXED + 4e9)).toEqual({
    fits: false,
    totalBytes: FIXED + 13e9,
    together: ["model", "small"],
    evicted: ["large"],
  });
});

test("a ControlNet is planned with the model that it was made for", () => {
  const { folder: modelsDir, remove } = fixtureModels();
  onTestFinished(remove);
  const models = ["sd21-random", "sd15-random"];
  const [sd21, a, sd15] = componentMemories(
    selectOnDisk({ modelsDir, models, controlnets: ["a=controlnet-sd15-random-a"] }),
    { width: 64, height: 64, images: 1 },
    cardForms("cuda"),
  ) as [ComponentMemory, ComponentMemory, ComponentMemory];
  expect([sd21.id, a.id, sd15.id]).toEqual(["sd21-random", "controlnet-sd15-random-a", "sd15-random"]);
  expect(a.networks.map(({ name }) => name)).toEqual(["hint", "prompt", "ControlNet"]);
  const alone = selectOnDisk({ modelsDir, models, controlnets: [] });
  const [sd21Alone, sd15Alone] = componentMemories(alone, { width: 64, height: 64, images: 1 }, cardForms("cuda"));
  expect(sd21).toEqual(sd21Alone);
  expect(bytesOf([sd15])).toBeGreaterThan(bytesOf([sd15Alone!])); // the residuals are held while the UNet runs
  const unfit = selectOnDisk({ modelsDir, models: ["sd21-random"], controlnets: ["a=controlnet-sd15-random-a"] });
  expect(() => componentMemories(unfit, { width: 64, height: 64, images: 1 }, cardForms("cuda"))).toThrow(
    "controlnet-sd15-random-a was not made for a model like sd21-random",
  );
});

describe("the report", () => {
  const profiles = cardForms("webgpu");
  const report = (components: ComponentMemory[], cardBytes: number) =>
    planReport({ request: PICTURE, cardBytes, components, verdict: judge(components, cardBytes) }, profiles);

  test("names every part of the embedded models, and that they fit", () => {
    const text = report(componentMemories(selectOnDisk({ modelsDir: MODELS }), PICTURE, profiles), 12e9);
    for (const part of ["tiny-sd UNet", "tiny-sd VAE decoder", "controlnet-depth ControlNet"]) {
      expect(text.split(part)).toHaveLength(3); // its weights and its activations
    }
    expect(text).toMatch(/fits: everything stays loaded$/);
  });

  test("says what to evict, or that the model alone is too large", () => {
    const components = [component("model", 2e9, 1e9), component("net", 9e9, 0)];
    expect(report(components, 5e9)).toMatch(/together fit model\nto be evicted and loaded again when asked for: net$/);
    expect(report(components, 3e9)).toMatch(/does not fit: model alone needs more than 3.00 GB$/);
  });

  test("bars are shares of the card", () => {
    expect(report([component("model", 6e9, 0)], 12e9)).toContain(`6.00 GB  ${"█".repeat(16)}${"░".repeat(16)}`);
  });
});
