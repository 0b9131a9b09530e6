/** What a request gives up of exactness, or may have got wrong, is said in its answer; and what it costs the picture. */
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import { expect, test } from "vitest";
import { startService } from "../scripts/services.js";
import { sharedStack } from "../testing/shared-stack.js";
import { DEPTH, levelsApart, PHOTO, PROMPT } from "../testing/sphere-and-cube.js";
import { StackClient } from "../testing/stack-client.js";

const shared = sharedStack();

test("int8, by PRECISION or by the request, gives a picture close to the exact one, and says so", async () => {
  const diffusion = await startService("diffusion", { PORT: "0", LOG_LEVEL: "silent", PRECISION: "int8" });
  const request = { prompt: "a red cube", seed: 1 };
  const rounding = new StackClient(diffusion.url);
  const rough = await rounding.generate(request);
  const fine = await rounding.generate({ ...request, precision: "float32" });
  await diffusion.stop();
  expect(rough.warnings).toEqual([expect.stringContaining("8 bits")]);
  expect(rough.parameters.precision).toBe("int8");
  const exact = await shared.client.generate(request);
  expect(exact).toMatchObject({ warnings: [], parameters: { precision: "float32" } });
  expect(exact.computed).toEqual({ device: "cpu", prepared: [] }); // the embedded models are too small to be
  expect(fine.images).toEqual(exact.images);
  expect(await shared.client.generate({ ...request, precision: "int8" })).toMatchObject({
    ...{ images: rough.images, warnings: rough.warnings, parameters: { precision: "int8" } },
  });
  const residents = await shared.client.metrics();
  const bytes = ["tiny-sd", "tiny-sd \\(int8\\)"].map((key) =>
    Number(new RegExp(`model_resident_bytes\\{model="${key}"\\} (\\d+)`).exec(residents)?.[1]),
  );
  expect(bytes[1]! / bytes[0]!).toBeGreaterThan(0.3); // text encoder and VAE are whole
  expect(bytes[1]! / bytes[0]!).toBeLessThan(0.8);
  const apart = await levelsApart(rough.images[0]!.image, exact.images[0]!.image);
  expect(apart).toBeGreaterThan(0);
  expect(apart).toBeLessThan(2.5); // measured: 0.99 levels
});

test("in 8 bits, too, each of three pictures is the one that its seed makes alone", async () => {
  const request = { prompt: "a red cube", num_inference_steps: 6, precision: "int8" };
  const seeds = [21, 22, 23];
  const together = await shared.client.generate({ ...request, seed: seeds });
  const alone: GenerateResponse["images"] = [];
  for (const seed of seeds) alone.push(...(await shared.client.generate({ ...request, seed })).images);
  expect(together.images.map(({ image }) => image.length)).toEqual(alone.map(({ image }) => image.length));
  expect(together.images.every(({ image }, i) => image === alone[i]!.image)).toBe(true);
});

test("what of a request was left out, had no effect or looks wrong is told beside the picture", async () => {
  const long = `${"blurry, ".repeat(60)}the end`;
  const controlnets = [
    { type: "canny", image: PHOTO, preprocessor: "none" },
    { type: "depth", image: DEPTH, preprocessor: "none", control_guidance_end: 0.1 },
  ];
  const request = { prompt: PROMPT, negative_prompt: long, num_inference_steps: 2, eta: 0.5, controlnets };
  const said = [
    expect.stringMatching(/^The negative_prompt is too long .*the end$/),
    expect.stringMatching(/^The eta has no effect/),
    expect.stringMatching(/^controlnets\[0\] \(canny\) .* looks like a photograph/),
    expect.stringMatching(/^controlnets\[1\] \(depth\) has no effect/),
  ];
  expect((await shared.client.generate(request)).warnings).toEqual(said);
  const bare = await shared.client.post(request, { accept: "image/png" });
  expect(bare.headers.get("content-type")).toBe("image/png");
  expect(JSON.parse(bare.headers.get("x-warnings")!)).toHaveLength(said.length);
});

test("savings that a request asks for are named in its answer, and cost little of the picture", async () => {
  const request = {
    prompt: PROMPT,
    seed: 2,
    num_inference_steps: 20,
    controlnets: [{ type: "depth", image: DEPTH, preprocessor: "none" }],
  };
  const savings = { guidance_interval: [0.1, 0.9], cache_interval: 2 };
  const saved = await shared.client.generate({ ...request, ...savings });
  expect(saved.parameters).toMatchObject(savings);
  expect((await shared.client.generate({ ...saved.parameters, ...request, ...savings })).images).toEqual(saved.images);
  const exact = await shared.client.generate(request);
  expect(exact.parameters).toMatchObject({ guidance_interval: [0, 1], cache_interval: 1, token_downsampling: 1 });
  const apart = await levelsApart(saved.images[0]!.image, exact.images[0]!.image);
  expect(apart).toBeGreaterThan(0);
  expect(apart).toBeLessThan(6); // measured: 4.3 levels
  const fewer = await shared.client.generate({ ...request, token_downsampling: 2 });
  expect(fewer.parameters).toMatchObject({ token_downsampling: 2 });
  const fewerApart = await levelsApart(fewer.images[0]!.image, exact.images[0]!.image);
  expect(fewerApart).toBeGreaterThan(0);
  expect(fewerApart).toBeLessThan(8); // measured: 6.1 levels
  const bytes = /model_resident_bytes\{model="tiny-sd \(shallow UNet\)"\} (\d+)/.exec(await shared.client.metrics());
  expect(Number(bytes?.[1])).toBeGreaterThan(100_000);
});
