import { CPU_PROFILE, fromNchw, GraphBuilder, NCHW_PROFILE, Scope } from "@armature/graph";
import { torchInterpolate } from "@armature/pixels";
import { createSession } from "@armature/runtime";
import { openModelFolder } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { fixturePath, goldens, relativeError } from "../../../../testing/golden.js";
import { readDptConfig } from "./dpt-config.js";
import { embedTokens } from "./vit.js";

/** Largest deviation, as a share of the maximum: the places that are sampled are themselves rounded to float32. */
const TOLERANCE = 1e-5;

const MODEL = "models/dpt-random";

/** The tokens [B, 1 + H*W, D] of patches that are all zero: what the class token and the places add. */
async function tokensOfNothing(height: number, width: number, profile: typeof CPU_PROFILE): Promise<Float32Array> {
  const { config, weights } = openModelFolder(fixturePath(MODEL));
  const { vit } = readDptConfig(config);
  const graph = new GraphBuilder(profile, weights);
  const patches = fromNchw(graph.input("patches", "float32", ["B", vit.width, "H", "W"]));
  graph.output("tokens", embedTokens(new Scope(graph).at("dpt.embeddings"), patches, vit, "linear").value);
  const session = await createSession(graph.build("positions"), {
    weightsFolder: weights.folder,
    threads: 1,
  });
  const nothing = new Float32Array(vit.width * height * width);
  const { tokens } = await session.run({ patches: new Tensor("float32", nothing, [1, vit.width, height, width]) });
  await session.release();
  return tokens!.data as Float32Array;
}

test.each([
  [24, 24],
  [10, 30],
  [25, 7],
])("position embeddings on %i x %i patches are those of PyTorch's bilinear interpolation", async (height, width) => {
  const golden = goldens(`${MODEL}/model.safetensors`);
  const table = golden("dpt.embeddings.position_embeddings"); // [1, 577, D]
  const classToken = golden("dpt.embeddings.cls_token").data;
  const channels = table.shape[2]!;
  const wanted = new Float32Array((1 + height * width) * channels);
  for (let c = 0; c < channels; c++) {
    wanted[c] = classToken[c]! + table.data[c]!;
    const plane = Float32Array.from({ length: 24 * 24 }, (_, i) => table.data[(1 + i) * channels + c]!);
    const map = { data: plane, width: 24, height: 24 };
    const resized = torchInterpolate(map, { width, height }, { mode: "bilinear", alignCorners: false });
    for (const [i, value] of resized.data.entries()) wanted[(1 + i) * channels + c] = value;
  }
  for (const profile of [CPU_PROFILE, NCHW_PROFILE]) {
    expect(relativeError(await tokensOfNothing(height, width, profile), wanted)).toBeLessThan(TOLERANCE);
  }
});
