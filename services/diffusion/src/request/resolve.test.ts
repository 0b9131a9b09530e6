import type { Precision } from "@armature/contract";
import { InvalidRequest } from "@armature/core";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { generateRequest } from "../contract/generate.js";
import { completeRequest } from "../features/complete.js";
import { FEATURES } from "../features/index.js";
import { readServed } from "../served/read-served.js";
import { resolveRequest, toParameters } from "./resolve.js";

const served = readServed({ modelsDir: EMBEDDED_MODELS });
const limits = { maxPixels: 1e6, maxSteps: 50, maxImages: 1, maxControlNets: 1, maxPromptLength: 100, maxWork: 1e9 };

/** The precision that a request gets from a service with this one. */
function resolvedPrecision(asked: Precision | undefined, precision: Precision | undefined) {
  const request = generateRequest(limits).parse({ prompt: "a cat", precision: asked });
  return resolveRequest(request, { served, limits, precision, drawSeed: () => 0 }).precision;
}

test("a request's precision goes before the service's", () => {
  expect(resolvedPrecision(undefined, "float32")).toBe("float32");
  expect(resolvedPrecision(undefined, "int8")).toBe("int8");
  expect(resolvedPrecision("int8", "float32")).toBe("int8");
  expect(resolvedPrecision("float32", "int8")).toBe("float32");
});

test("where no CPU computes, a request that names a precision is refused by that field, others go on", () => {
  expect(resolvedPrecision(undefined, undefined)).toBeUndefined();
  for (const asked of ["int8", "float32"] as const) {
    try {
      resolvedPrecision(asked, undefined);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidRequest);
      expect((error as InvalidRequest).issues).toEqual([
        { pointer: "/precision", detail: expect.stringContaining("no CPU computes here") },
      ]);
    }
  }
});

const EVERYTHING = {
  model: "tiny-sd",
  prompt: "a cat",
  negative_prompt: "a dog",
  clip_skip: 1,
  image: "CCCC",
  strength: 0.6,
  width: 128,
  height: 64,
  num_inference_steps: 7,
  scheduler: { name: "dpm++ 2m karras", solver_order: 3 },
  eta: 0.5,
  guidance_scale: 3,
  guidance_rescale: 0.7,
  guidance_interval: [0.1, 0.8],
  cache_interval: 3,
  token_downsampling: 2,
  precision: "int8",
  seed: 5,
  num_images_per_prompt: 2,
  controlnets: [
    { type: "depth", image: "AAAA", preprocessor: "none", conditioning_scale: 0.5, guess_mode: true },
    { type: "canny", image: "BBBB", preprocessor_options: { low_threshold: 50 }, control_guidance_end: 0.5 },
  ],
  output: { format: "jpeg", quality: 80 },
};
const wide = { ...limits, maxImages: 2, maxControlNets: 2 };
const service = { served, limits: wide, precision: "float32" as const, drawSeed: () => 1234 };
const resolve = (request: object, drawSeed = service.drawSeed) =>
  resolveRequest(generateRequest(wide).parse(request), { ...service, drawSeed });

test("every field of every feature is in the request that these tests resolve", () => {
  const fields = FEATURES.flatMap((feature) => Object.keys(feature.fields(wide)));
  expect(Object.keys(EVERYTHING).sort()).toEqual(fields.sort());
});

/** What a client sends that has the parameters of an answer as JSON, and the pictures. */
interface Sent {
  prompt: string;
  image?: string;
  controlnets?: { image: string }[];
}

function sentAgain(parameters: object, { image, controlnets = [] }: Sent): object {
  const { controlnets: nets, ...fields } = JSON.parse(JSON.stringify(parameters));
  const controls = nets.map((net: object, i: number) => ({ ...net, image: controlnets[i]!.image }));
  return { ...fields, ...(image && { image }), controlnets: controls };
}

test.each([
  ["that gives every field", EVERYTHING],
  ["that leaves all open", { prompt: "a cat" }],
  ["that leaves the size to its picture's", { prompt: "a cat", controlnets: [{ type: "depth", image: "AAAA" }] }],
  ["that starts from a picture and leaves its strength open", { prompt: "a cat", image: "CCCC" }],
  ["with a list of seeds", { prompt: "a cat", seed: [9, 4] }],
])("the parameters of a request %s, sent again, are resolved to the same", (_, request: Sent) => {
  const resolved = resolve(request);
  const size = { width: 192, height: 64 }; // as it is once the picture is known
  const complete = "side" in resolved.size ? { ...resolved, size } : resolved;
  const again = resolve(sentAgain(toParameters(complete), request), () => expect.unreachable());
  expect(again).toEqual(complete);
  expect(JSON.parse(JSON.stringify(again))).toEqual(complete);
});

test("what a request leaves open is the model's own, and a seed is drawn once", () => {
  expect(resolve({ prompt: "a cat" })).toMatchObject({
    model: "tiny-sd",
    size: { side: 128, most: 1e6 },
    numInferenceSteps: 20,
    guidanceScale: served.models[0]!.recommended.guidance_scale,
    seeds: [1234],
    precision: "float32",
  });
});

test.each([
  ["/model", { model: "tiny-s" }, "did you mean tiny-sd? served: tiny-sd"],
  ["/clip_skip", { clip_skip: 24 }, "the text encoder of tiny-sd has"],
  [
    "/controlnets/0/type",
    { controlnets: [{ type: "dept", image: "A" }] },
    'no ControlNet "dept" here; did you mean depth?',
  ],
  ["/scheduler", { scheduler: "eulr" }, 'did you mean "euler"?'],
  ["/num_inference_steps", { scheduler: { name: "pndm", skip_prk_steps: false }, num_inference_steps: 3 }, "4 steps"],
  [
    "/strength",
    { image: "AAAA", strength: 0.09, num_inference_steps: 11 },
    "leaves none of 11 steps to make; wants at least 0.1",
  ],
  [
    "/scheduler/skip_prk_steps",
    { image: "AAAA", strength: 0.5, scheduler: { name: "pndm", skip_prk_steps: false } },
    "must be true to start from an image",
  ],
])("%s is refused where this service or its model cannot do %j", (pointer, fields, detail) => {
  try {
    resolve({ prompt: "a cat", ...fields });
    expect.unreachable();
  } catch (error) {
    expect((error as InvalidRequest).issues).toMatchObject([{ pointer, detail: expect.stringContaining(detail) }]);
  }
});

test("of a picture to start from, the job says where it comes from and the answer how strongly it changes", () => {
  const resolved = resolve({ prompt: "a cat", image: "CCCC" });
  expect(resolved.pictures).toEqual([{ place: "/image", source: "CCCC", size: "kept" }]);
  expect(toParameters(resolved)).toMatchObject({ strength: 0.8 });
  expect(toParameters(resolved)).not.toHaveProperty("image");
  expect(JSON.parse(JSON.stringify(toParameters(resolve({ prompt: "a cat" }))))).not.toHaveProperty("strength");
});

test("a picture's own size is kept within the limits of pixels and of work", () => {
  const made = (request: object) => completeRequest(resolve(request), { "/image": { width: 3000, height: 3000 } }).size;
  expect(made({ prompt: "a cat", image: "CCCC" })).toEqual({ width: 1000, height: 1000 });
  const work = { ...service, limits: { ...wide, maxWork: 20 * 512 * 512 } };
  const parsed = generateRequest(wide).parse({ prompt: "a cat", image: "CCCC", num_inference_steps: 20 });
  const { size } = completeRequest(resolveRequest(parsed, work), { "/image": { width: 3000, height: 3000 } });
  expect(size).toEqual({ width: 512, height: 512 });
});

test("a control image that is one already keeps its size in multiples of 8, a photograph gives its shape", () => {
  const made = (net: object, picture: { width: number; height: number }, fields = {}) => {
    const resolved = resolve({ prompt: "a cat", controlnets: [{ type: "depth", image: "AAAA", ...net }], ...fields });
    const { width, height } = completeRequest(resolved, { "/controlnets/0/image": picture }).size;
    return `${width}x${height}`;
  };
  expect(made({ preprocessor: "none" }, { width: 325, height: 204 })).toBe("320x200");
  expect(made({ preprocessor: "none" }, { width: 3000, height: 3000 })).toBe("1000x1000");
  expect(made({ preprocessor: "none" }, { width: 325, height: 204 }, { width: 64, height: 96 })).toBe("64x96");
  expect(made({}, { width: 320, height: 200 })).toBe("160x104"); // about 128 x 128 pixels
  const first = [
    { type: "canny", image: "BBBB" },
    { type: "depth", image: "AAAA", preprocessor: "none" },
  ];
  const both = resolve({ prompt: "a cat", controlnets: first });
  const sizes = {
    "/controlnets/0/image": { width: 320, height: 200 },
    "/controlnets/1/image": { width: 512, height: 512 },
  };
  expect(completeRequest(both, sizes).size).toEqual({ width: 160, height: 104 });
});

test("a request is held against the limit of work once the model's own size and steps are filled in", () => {
  const tight = { ...service, limits: { ...wide, maxWork: 128 * 128 * 19 } };
  const request = generateRequest(wide).parse({ prompt: "a cat" });
  expect(() => resolveRequest(request, tight)).toThrow(/^\/num_inference_steps: wants pixels times steps times images/);
});
