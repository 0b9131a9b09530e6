/** Token downsampling: which tokens are looked at, in which layers, and that the graphs take them alike. */
import { CPU_PROFILE, type DeviceProfile, GraphBuilder, NCHW_PROFILE, type Network } from "@armature/graph";
import { createSession } from "@armature/runtime";
import { noWeights, openModelFolder } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { fixturePath, relativeError } from "../../../../../testing/golden.js";
import { EMBEDDED_MODELS } from "../../../../../testing/model-folders.js";
import { openFolderNetwork } from "../../../../../testing/open-folder-network.js";
import { attendedFeed } from "../../pipeline/attended.js";
import { controlnetNetwork } from "../controlnet.js";
import { unetPromptNetwork } from "../prompt-projections.js";
import { unetNetwork } from "../unet.js";
import { readUNetConfig } from "../unet-config.js";
import { attendedTokens, takeAttended } from "./attended-tokens.js";

const SD15 = fixturePath("models/sd15-random/unet");
const TINY = `${EMBEDDED_MODELS}tiny-sd/unet`;

const configOf = (folder: string) => readUNetConfig(openModelFolder(folder).config);

test("every n-th row and column of the finest level that attends", () => {
  expect([...attendedTokens(configOf(SD15), [2, 3], 1)]).toEqual([0, 1, 2, 3, 4, 5]);
  expect([...attendedTokens(configOf(SD15), [4, 6], 2)]).toEqual([0, 2, 4, 12, 14, 16]);
  expect([...attendedTokens(configOf(SD15), [5, 4], 3)]).toEqual([0, 3, 12, 15]);
  // the embedded UNet attends from its second level on, half as large, rounded up
  expect([...attendedTokens(configOf(TINY), [7, 6], 2)]).toEqual([0, 2, 6, 8]);
});

/** Two pictures of six tokens of two values, of which some are taken. */
function takingGraph(profile: DeviceProfile): Uint8Array {
  const graph = new GraphBuilder(profile, noWeights("none"));
  const rows = graph.input("rows", "float32", ["B", "L", 2]);
  const [batch, length] = rows.shape as [string, string];
  const value = graph.node("Reshape", [rows, graph.ints([-1, 2])], "float32", [`${batch}*${length}`, 2]);
  const taken = takeAttended({ value, batch, length, width: 2 }, graph.input("attended_tokens", "int32", ["T"]));
  graph.output("taken", taken.value);
  return graph.build("taking");
}

test("the rows of the attended tokens, of each picture", async () => {
  const session = await createSession(takingGraph(CPU_PROFILE), { weightsFolder: ".", threads: 1 });
  const { taken } = await session.run({
    rows: new Tensor(
      "float32",
      Float32Array.from({ length: 24 }, (_, i) => i),
      [2, 6, 2],
    ),
    attended_tokens: new Tensor("int32", [1, 4], [2]),
  });
  expect([...(taken!.data as Float32Array)]).toEqual([2, 3, 8, 9, 14, 15, 20, 21]);
});

const PROFILES = [CPU_PROFILE, NCHW_PROFILE].map((profile) => [profile.name, profile] as const);

describe.each(PROFILES)("in the %s profile", (_, profile) => {
  test.each([SD15, TINY])("a graph for one size computes what the one for any size does (%s)", async (folder) => {
    const [all, half] = [await noise(folder, profile, 1), await noise(folder, profile, 2)];
    expect(relativeError(await noise(folder, fixed(profile, folder, 1), 1), all)).toBeLessThan(1e-6);
    expect(relativeError(await noise(folder, fixed(profile, folder, 2), 2), half)).toBeLessThan(1e-6);
    const error = relativeError(half, all);
    expect(error).toBeGreaterThan(1e-4);
    expect(error).toBeLessThan(0.2);
  });
});

test("a graph for one size at which all are attended gathers nothing", () => {
  expect(gathers(unetNetwork, SD15, 1)).toBe(0);
  expect(gathers(unetNetwork, SD15, 2)).toBe(5); // two layers on the way down, three on the way up
  const controlnet = fixturePath("models/controlnet-sd15-random-a");
  expect(gathers(controlnetNetwork, controlnet, 1)).toBe(0);
  expect(gathers(controlnetNetwork, controlnet, 2)).toBe(2);
});

const [H, W] = [9, 12]; // odd: levels round up

function fixed(profile: DeviceProfile, folder: string, factor: number): DeviceProfile {
  return { ...profile, sizes: { B: 2, H, W, S: 5, T: attendedTokens(configOf(folder), [H, W], factor).length } };
}

async function noise(folder: string, profile: DeviceProfile, factor: number): Promise<Float32Array> {
  const c = configOf(folder);
  const projections = await openFolderNetwork(unetPromptNetwork, folder, profile);
  const unet = await openFolderNetwork(unetNetwork, folder, profile);
  const prompt = await projections.run({ context: waves([2, 5, c.contextWidth]) });
  const outputs = await unet.run({
    sample: waves([2, c.inChannels, H, W]),
    timestep: new Tensor("float32", [301], [1]),
    ...attendedFeed(c, [H, W], factor),
    ...prompt,
  });
  return outputs.noise!.data as Float32Array;
}

/** How often the graph for one size takes a part of the tokens. */
function gathers(network: Network, folder: string, factor: number): number {
  const { config, weights } = openModelFolder(folder);
  const { nodes } = network.open(config).trace(weights, fixed(NCHW_PROFILE, SD15, factor));
  return nodes.filter(({ op }) => op === "Gather").length;
}

function waves(shape: number[]): Tensor {
  const size = shape.reduce((product, side) => product * side, 1);
  return new Tensor(
    "float32",
    Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * i)),
    shape,
  );
}
