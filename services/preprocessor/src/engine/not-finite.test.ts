import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NotFinite } from "@armature/core";
import { CPU_PROFILE } from "@armature/graph";
import { expect, onTestFinished, test } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { poisonWeight } from "../../../../testing/poison-weight.js";
import { dptDepth } from "../depth/dpt-depth.js";
import { loadableNetwork } from "./loadable-networks.js";

test("one NaN among a depth network's weights is no control image, and the network is named", async () => {
  const folder = mkdtempSync(join(tmpdir(), "poisoned-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(fixturePath("../models/depth-dpt-tiny"), folder, { recursive: true });
  poisonWeight(join(folder, "model.safetensors"), "dpt.encoder.layer.0.layernorm_before.bias");
  const device = { profile: CPU_PROFILE, threads: 2 };
  const loadable = loadableNetwork(dptDepth, { id: "depth-dpt-tiny", folder, bytes: 0 }, device);
  const network = await loadable.load();
  const picture = { data: new Float32Array(3 * 64 * 64).fill(0.5), width: 64, height: 64 };
  const error = await network.opened.predict(picture).catch((error) => error);
  await loadable.release(network);
  expect(error).toBeInstanceOf(NotFinite);
  expect(error.message).toContain("The DPT network of depth-dpt-tiny gave numbers that are not finite");
});
