import { fileURLToPath } from "node:url";
import { OutOfMemory } from "@armature/core";
import { readCatalogue } from "@armature/diffusion/engine/catalogue";
import { decoderTiles } from "@armature/diffusion/engine/decoder-tiles";
import { FIXED_BYTES, neededBytes } from "@armature/diffusion/engine/memory/needed-bytes";
import { findInCatalogue, memoryOfUses } from "@armature/diffusion/engine/memory/network-memory";
import { requestUses } from "@armature/diffusion/engine/request-uses";
import { describe, expect, test } from "vitest";
import { planReport } from "./report.js";
import { selectFullSize, selectOnDisk } from "./selection.js";
import { type PlannedPicture, type PlannedUnit, plannedForms, planUnits } from "./units.js";
import { judge } from "./verdict.js";

const MODELS = fileURLToPath(new URL("../../models", import.meta.url));
const PICTURE: PlannedPicture = { width: 512, height: 512, images: 1 };
const unitBytes = (units: PlannedUnit[]) => neededBytes(units.flatMap(({ parts }) => parts));
const FIXED = FIXED_BYTES["device context"] + FIXED_BYTES.workspaces;

describe("Stable Diffusion 1.5", () => {
  const plan = (request: Partial<PlannedPicture>, controlnets = ["depth"], device: "webgpu" | "cuda" = "webgpu") =>
    planUnits(selectFullSize(controlnets), { ...PICTURE, ...request }, plannedForms(device));
  const partOf = (units: PlannedUnit[], name: string) =>
    units.flatMap(({ parts }) => parts).find((p) => p.name === name)!;

  test("weights are those of the published float16 files; the VAE's decoder is float32 on WebGPU", () => {
    const units = plan({});
    const gigabytes = (...names: string[]) =>
      names.reduce((sum, name) => sum + partOf(units, name).weightBytes, 0) / 1e9;
    expect(gigabytes("UNet", "prompt")).toBeCloseTo(1.719, 3); // 859,520,964 parameters
    expect(gigabytes("text encoder")).toBeCloseTo(0.246, 2); // 123,060,480
    const [, controlnet] = units;
    const whole = controlnet!.parts.reduce((sum, { weightBytes }) => sum + weightBytes, 0);
    expect(whole / 1e9).toBeCloseTo(0.7225, 3); // 361,279,120
    expect(gigabytes("VAE decoder")).toBeCloseTo(0.198, 2); // 49,490,199 in float32
    expect(partOf(plan({}, [], "cuda"), "VAE decoder").weightBytes / 1e9).toBeCloseTo(0.099, 2);
  });

  test("activations grow with the picture and with the number of pictures", () => {
    const unet = (request: Partial<PlannedPicture>) => partOf(plan(request, [], "cuda"), "UNet").activationBytes;
    const [one, two, larger] = [unet({}), unet({ images: 2 }), unet({ width: 640, height: 640 })];
    // scores of 2 x 8 heads over 4096 tokens, before and after softmax: 2 x 512 MiB
    expect(one).toBeGreaterThan(1024 * 2 ** 20);
    expect(one).toBeLessThan(1200 * 2 ** 20);
    expect(two / one).toBeGreaterThan(1.5);
    expect(larger / one).toBeGreaterThan(1.5);
  });

  test("pictures are decoded one at a time, and in tiles where the device binds no more", () => {
    const decoder = (request: Partial<PlannedPicture>, device: "webgpu" | "cuda") =>
      partOf(plan(request, [], device), "VAE decoder").activationBytes;
    expect(decoder({ images: 4 }, "cuda")).toBe(decoder({}, "cuda"));
    expect(decoder({ width: 768, height: 768 }, "webgpu")).toBe(decoder({}, "webgpu"));
    expect(decoder({ width: 768, height: 768 }, "cuda")).toBeGreaterThan(2 * decoder({}, "cuda"));
  });

  test("a ControlNet's residuals are held while the UNet runs", () => {
    const unet = (controlnets: string[]) => partOf(plan({}, controlnets, "cuda"), "UNet").activationBytes;
    // twelve skips and the middle, batch 2, float16
    const perCell = [320 * 4096 * 3, (320 + 640 * 2) * 1024, (640 + 1280 * 2) * 256, 1280 * 64 * 4];
    const bytes = 2 * 2 * perCell.reduce((sum, elements) => sum + elements, 0);
    expect(unet(["depth"]) - unet([])).toBeGreaterThan(0.99 * bytes);
    expect(unet(["depth"]) - unet([])).toBeLessThan(1.01 * bytes);
  });

  test("one ControlNet fits 12 GB, fourteen do not: the last ones are to be evicted", () => {
    expect(judge(plan({}), 12e9)).toMatchObject({ fits: true, evicted: [] });
    const types = Array.from({ length: 14 }, (_, i) => `net-${i}`);
    const units = plan({}, types);
    const { fits, together, evicted } = judge(units, 12e9);
    expect(fits).toBe(false);
    expect([...together, ...evicted]).toEqual(["sd15", ...types]);
    expect(unitBytes(units.slice(0, together.length))).toBeLessThanOrEqual(12e9);
    expect(unitBytes(units.slice(0, together.length + 1))).toBeGreaterThan(12e9);
  });

  test("a tensor above what the device binds is refused, and says so", () => {
    expect(() => plan({ width: 1024, height: 1024, images: 2 })).toThrow(OutOfMemory);
  });
});

test("the service holds a request against the figure that is planned for the same selection", () => {
  const forms = plannedForms("webgpu");
  const selection = { modelsDir: MODELS, models: ["tiny-sd"], controlnets: ["depth"] };
  const planned = unitBytes(planUnits(selectOnDisk(selection), { ...PICTURE, images: 2 }, forms));
  const catalogue = readCatalogue({ modelsDir: MODELS });
  const tiles = decoderTiles(catalogue.models[0]!.vae, forms.vaeProfile);
  const memoryOf = memoryOfUses(findInCatalogue(catalogue), forms);
  const controls = [{ type: "depth", guessMode: false }];
  const picture = { width: 512, height: 512, seeds: [1, 2], cacheInterval: 1, tokenDownsampling: 1 };
  const guidance = { guidanceScale: 7.5, guidanceInterval: { start: 0, end: 1 } };
  const request = { model: "tiny-sd", ...picture, ...guidance, controls };
  expect(neededBytes(memoryOf(requestUses(request, catalogue, tiles?.side)))).toBe(planned);
});

const unit = (id: string, weightBytes: number, activationBytes: number): PlannedUnit => ({
  id,
  parts: [{ component: id, name: "network", weightBytes, activationBytes, key: id, resident: id }],
});

test("weights and activations add up: each network keeps what it took", () => {
  expect(unitBytes([unit("a", 2e9, 1e9), unit("b", 1e9, 3e9)])).toBe(FIXED + 3e9 + 4e9);
});

test("a unit that does not fit does not keep a smaller one out", () => {
  const units = [unit("model", 2e9, 1e9), unit("large", 9e9, 0), unit("small", 1e9, 0)];
  expect(judge(units, FIXED + 4e9)).toEqual({
    fits: false,
    totalBytes: FIXED + 13e9,
    together: ["model", "small"],
    evicted: ["large"],
  });
});

describe("the report", () => {
  const profiles = plannedForms("webgpu");
  const report = (units: PlannedUnit[], cardBytes: number) =>
    planReport({ request: PICTURE, cardBytes, units, verdict: judge(units, cardBytes) }, profiles);

  test("names every part of the embedded models, and that they fit", () => {
    const text = report(planUnits(selectOnDisk({ modelsDir: MODELS }), PICTURE, profiles), 12e9);
    for (const part of ["tiny-sd UNet", "tiny-sd VAE decoder", "controlnet-depth ControlNet"]) {
      expect(text.split(part)).toHaveLength(3); // its weights and its activations
    }
    expect(text).toMatch(/fits: everything stays loaded$/);
  });

  test("says what to evict, or that the model alone is too large", () => {
    const units = [unit("model", 2e9, 1e9), unit("net", 9e9, 0)];
    expect(report(units, 5e9)).toMatch(/together fit model\nto be evicted and loaded again when asked for: net$/);
    expect(report(units, 3e9)).toMatch(/does not fit: model alone needs more than 3.00 GB$/);
  });

  test("bars are shares of the card", () => {
    expect(report([unit("model", 6e9, 0)], 12e9)).toContain(`6.00 GB  ${"█".repeat(16)}${"░".repeat(16)}`);
  });
});
