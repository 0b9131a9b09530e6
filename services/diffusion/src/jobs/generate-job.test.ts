import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "@armature/contract";
import { inflight } from "@armature/core";
import { decodeImage } from "@armature/images";
import { blobName, memoryJobs } from "@armature/jobs";
import { DEFAULT_SOURCE_POLICY } from "@armature/net";
import PQueue from "p-queue";
import { expect, test } from "vitest";
import { type GenerateEvent, generateRequest, generateResponse } from "../contract/index.js";
import { ControlCache } from "../control-images/control-cache.js";
import { PreprocessorClient } from "../control-images/preprocessor-client.js";
import { clientEvents } from "../http/client-events.js";
import { requestWork } from "../pipelines/work.js";
import { resolveRequest } from "../request/resolve.js";
import { readServed } from "../served/read-served.js";
import { GENERATE, type GenerateJob, type GenerateJobDeps, generateKind, generateSpec } from "./generate-job.js";

const MODELS = fileURLToPath(new URL("../../../../models", import.meta.url));
const DEPTH = readFileSync(`${MODELS}/examples/green-cone-depth.png`);
const CLIENT = { client: "one", deadlineMs: 1_000 };

const limits = {
  ...{ maxPixels: 1e6, maxSteps: 100, maxImages: 4, maxControlNets: 4 },
  ...{ maxPromptLength: 1000, maxWork: 1e9 },
};
const served = readServed({ modelsDir: MODELS });
const context = { served, limits, precision: "float32", drawSeed: () => 5 } as const;
const resolved = (fields: object) =>
  resolveRequest(parse(generateRequest(limits), { prompt: "a cone", ...fields }), context);
const depth = (image: string) => ({ type: "depth", image, preprocessor: "none" });
const sources = DEFAULT_SOURCE_POLICY;

test("the job is plain JSON, with pictures by digest and by address", async () => {
  const images = [DEPTH.toString("base64"), "https://example.org/a.png"];
  const request = resolved({ controlnets: images.map(depth) });
  const { spec, files } = await generateSpec(request, { sources }, CLIENT);
  expect(spec).toMatchObject({ kind: GENERATE, cost: requestWork(request), ...CLIENT });
  expect(spec.input.pictures.map(({ source }) => source)).toEqual([blobName(DEPTH), images[1]]);
  expect(files).toEqual([DEPTH]);
  expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
  expect(JSON.stringify(spec).length).toBeLessThan(10_000);
});

test.each([["no picture!"], ["file:///etc/passwd"], [blobName(DEPTH)]])(
  "a picture given as %s is refused by name before anything is submitted",
  async (image) => {
    const refusal = await generateSpec(resolved({ controlnets: [depth(image)] }), { sources }, CLIENT).catch((e) => e);
    expect(refusal.pointer ?? refusal.issues[0].pointer).toBe("/controlnets/0/image");
  },
);

test("a generation is prepared, made, encoded, and told on its way", async () => {
  const asked: unknown[] = [];
  const runEngine: GenerateJobDeps["runEngine"] = async (payload, _signal, onProgress) => {
    asked.push(payload);
    for (const step of [1, 2]) onProgress({ stage: "denoising", step, steps: 2 });
    const grey = (level: number) => ({ data: new Uint8Array(3 * 64 * 64).fill(level), width: 64, height: 64 });
    const timings = { loadMs: 5, inferenceMs: 10 };
    const computed = { device: "cpu" as const, prepared: ["tiny-sd unet"] };
    return { images: [grey(10), grey(200)], timings, cutTexts: { prompt: "the end" }, computed };
  };
  const budget = inflight(1e8);
  const step = () => new PQueue({ concurrency: 1 });
  const deps: GenerateJobDeps = {
    preprocessor: new PreprocessorClient({ urls: [], timeoutMs: 1, maxBytes: 1, decode: neverAsked }),
    cache: new ControlCache({ maxBytes: 0, observer: { hit: () => {}, miss: () => {} } }),
    decodeLimits: { maxPixels: 1e6, timeoutS: 5 },
    inflight: budget,
    warn: () => {},
    ...{ sources, fetching: step(), annotation: step(), encoding: step(), runEngine },
  };
  const queue = { concurrency: 1, maxWaiting: 1, maxWaitingCost: 1 };
  const jobs = memoryJobs({ limits: queue, files: budget.encoded, kinds: { [GENERATE]: generateKind(deps) } });
  const request = resolved({ num_images_per_prompt: 2, controlnets: [depth(DEPTH.toString("base64"))] });
  const { spec, files } = await generateSpec(request, { sources }, CLIENT);

  const heard: GenerateEvent[] = [];
  for await (const event of clientEvents(jobs.follow<GenerateJob>(spec, { files }), { id: "r", jobs }))
    heard.push(event);
  expect(heard.map(({ event }) => event)).toEqual(["queued", "started", "progress", "progress", "completed"]);
  expect(heard[2]).toMatchObject({ data: { step: 1, steps: 2, percent: 50 } });
  const size = { width: 128, height: 128 };
  const recipe = [
    { stage: "encode-prompt" },
    { stage: "prepare-adapter", adapter: { kind: "controlnet", component: "controlnet-depth" }, place: 0, size },
    { stage: "denoise", seeds: [5, 6], size },
    { stage: "decode", images: 2, size },
  ];
  expect(asked).toMatchObject([{ model: "tiny-sd", recipe, pictures: { "/controlnets/0/image": size } }]);

  const answer = generateResponse(limits).parse(heard.at(-1)!.data);
  expect(answer.images).toMatchObject([5, 6].map((seed) => ({ seed, width: 64, height: 64, format: "png" })));
  const levels = answer.images.map(async ({ image }) => (await decoded(image)).data[0]);
  expect(await Promise.all(levels)).toEqual([10, 200]);
  expect(answer.control_images).toMatchObject([{ type: "depth", preprocessor: "none", width: 128 }]);
  expect((await decoded(answer.control_images[0]!.image)).data).toEqual((await decoded(DEPTH.toString("base64"))).data);
  expect(answer.warnings).toEqual([expect.stringContaining("the end")]);
  expect(answer.computed).toEqual({ device: "cpu", prepared: ["tiny-sd unet"] });
  expect(answer.timings).toMatchObject({ load_ms: 5, inference_ms: 10 });
  expect(answer.timings.total_ms).toBeGreaterThanOrEqual(answer.timings.preprocess_ms);
});

const neverAsked = () => Promise.reject(new Error("nothing is annotated here"));
const decoded = (image: string) => decodeImage(Buffer.from(image, "base64"), { maxPixels: 1e6, timeoutS: 5 });
