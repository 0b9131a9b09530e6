import { ImageTooLarge } from "@armature/core";
import { channelCount } from "@armature/pixels";
import { ModelConfig } from "@armature/weights";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { fixtureJson, fixturePath, goldens, relativeError } from "../../../../testing/golden.js";
import { expectSamePixels, readGrey, readRgb } from "../../../../testing/picture.js";
import type { DepthNetwork } from "../depth/depth-network.js";
import { readDptImageProcessor } from "../depth/dpt-image-processor.js";
import type { Processor } from "./annotator.js";
import { PROCESSORS } from "./index.js";

interface Case {
  file: string;
  call: string;
  image: string;
  args: Record<string, number>;
}

const { cases } = fixtureJson<{ cases: Case[] }>("preprocess/index.json");
const golden = goldens("embedded/depth-dpt-tiny/tensors.safetensors");

/** Answers with the recorded depth, after it has checked that it was asked about the recorded pixels. */
const recorded: DepthNetwork = {
  imageProcessor: readDptImageProcessor(
    ModelConfig.read(fixturePath("../models/depth-dpt-tiny/preprocessor_config.json")),
  ),
  async predict({ data }) {
    expect(relativeError(data, golden("pixel_values").data)).toBe(0);
    return { data: golden("predicted_depth").data, width: 128, height: 128 };
  },
};

function processor(id: string): Processor {
  const found = PROCESSORS.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no processor ${id}`);
  return found;
}

function run(id: string, image: Parameters<Processor["run"]>[0], query: Record<string, unknown> = {}) {
  const { options, run: annotate } = processor(id);
  return annotate(image, options.parse(query), { depth: recorded });
}

test.each(cases.filter(({ call }) => call === "CannyDetector"))(
  "$file equals controlnet_aux's detector",
  async (wanted) => {
    const query = Object.fromEntries(Object.entries(wanted.args).map(([name, value]) => [name, String(value)]));
    expectSamePixels(await run("canny", await readRgb(wanted.image), query), await readGrey(wanted.file));
  },
);

test.each([
  [{}, "100-200"],
  [{ low_threshold: "50", high_threshold: "150" }, "50-150"],
  [{ l2_gradient: "true" }, "100-200-l2"],
  [{ low_threshold: "300", high_threshold: "800", aperture: "5" }, "300-800-aperture5"],
])("canny with %o has OpenCV's pixels, at the input's size", async (query, golden) => {
  const edges = await run("canny", await readRgb("images/coffee.png"), query);
  expectSamePixels(edges, await readGrey(`preprocess/canny/coffee-${golden}.png`));
});

test("depth_midas runs the model's own preprocessing and draws its depth", async () => {
  const depth = await run("depth_midas", await readRgb("embedded/inputs/purple-sphere-and-orange-cube.png"));
  expectSamePixels(depth, await readGrey("embedded/depth-dpt-tiny/depth.png"));
});

test("a narrow picture may not grow without bound", async () => {
  const line = { data: new Uint8Array(3 * 20000), width: 20000, height: 1 };
  for (const field of ["detect_resolution", "image_resolution"]) {
    const refused = run("canny", line, { [field]: 512 });
    await expect(refused).rejects.toThrow(ImageTooLarge);
    await expect(refused).rejects.toMatchObject({
      pointer: `/${field}`,
      message: expect.stringMatching(/20000x1 .* smaller resolution/),
    });
  }
});

test.each([
  { low_threshold: "-1" },
  { high_threshold: "" },
  { high_threshold: "1e999" },
  { aperture: "4" },
  { l2_gradient: "1" },
  { detect_resolution: "63" },
  { image_resolution: "512.5" },
  { threshold: "5" },
])("canny refuses %o", (query) => {
  expect(processor("canny").options.safeParse(query).success).toBe(false);
});

test("no two processors have one id", () => {
  expect(new Set(PROCESSORS.map(({ id }) => id)).size).toBe(PROCESSORS.length);
});

/** What every processor of the table must keep to. */
describe.each(PROCESSORS)("$id", ({ id, description, options }) => {
  test("has an id and a description to list, and options with defaults and descriptions", () => {
    expect(id).toMatch(/^[a-z0-9_+]+$/);
    expect(description).not.toBe("");
    expect(options.safeParse({}).success).toBe(true);
    const schema = z.toJSONSchema(options, { io: "input" });
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties).not.toHaveProperty("image"); // the JSON body's own field
    for (const property of Object.values(schema.properties ?? {})) expect(property).toHaveProperty("description");
  });

  test("gives an image of the input's size, and of image_resolution if asked", async () => {
    const image = await readRgb("embedded/inputs/purple-sphere-and-orange-cube.png");
    const same = await run(id, image);
    expect([same.width, same.height]).toEqual([image.width, image.height]);
    const larger = await run(id, image, { image_resolution: "192" });
    expect([larger.width, larger.height]).toEqual([192, 192]);
    expect([1, 3]).toContain(channelCount(larger));
  });
});
