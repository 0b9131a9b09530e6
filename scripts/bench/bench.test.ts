import { expect, test } from "vitest";
import { type BenchModel, listCases } from "./cases.js";
import { growthPoints, growthTable, toGrowthRow } from "./growth.js";
import { growthChart } from "./growth-chart.js";
import type { Measured } from "./measure.js";
import { measurePeers } from "./peers.js";
import { table, toRow } from "./report.js";
import { sd15Shapes } from "./sd15.js";
import type { Shapes } from "./synthetic-weights.js";

const MODEL: BenchModel = {
  name: "small",
  folders: { model: "m", controlnet: "c", depth: "d e" },
  forms: ["in place", "int8"],
  size: 128,
};
const OPTIONS = { cache: "cache", threads: 2, repeats: 3, tokenDownsampling: 1 };

const measured = (...timesS: number[]): Measured => ({ loadS: 1, timesS, peakBytes: 2e9, privateBytes: 1e9 });

test("synthetic weights have the numbers of parameters of Stable Diffusion 1.5, and convolutions where it has them", () => {
  const { unet, controlnet, vae, text_encoder: textEncoder } = sd15Shapes();
  expect([unet, controlnet, vae, textEncoder].map(parameters)).toEqual([
    859_520_964, 361_279_120, 83_653_863, 123_060_480,
  ]);
  expect(unet["down_blocks.0.attentions.0.proj_in.weight"]).toEqual([320, 320, 1, 1]);
  expect(controlnet["mid_block.attentions.0.proj_out.weight"]).toEqual([1280, 1280, 1, 1]);
  expect(unet["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"]).toEqual([320, 320]);
});

function parameters(shapes: Shapes): number {
  return Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

test("a peer gets the part as options behind its own, and its last line is read", () => {
  const [measurement] = listCases([MODEL], OPTIONS)
    .map((found) => found.measurement)
    .filter(({ part }) => part === "depth");
  const echo = `node -e 'console.log("warming up"); console.log(JSON.stringify([
    {form: process.argv.slice(1).join(" "), loadS: 1, timesS: [2, 3], peakBytes: 4}]))' -- own`;
  const [{ form, timesS } = { form: "", timesS: [] }] = measurePeers(echo, measurement!);
  expect(form).toBe(
    "own --part depth --model m --controlnet c --depth d e --size 128 --batch 2 --threads 2 --repeats 3",
  );
  expect(timesS).toEqual([2, 3]);
  expect(measurePeers("echo '[]' #", measurement!)).toEqual([]);
  expect(() => measurePeers("echo done #", measurement!)).toThrow(/--peers: the last line .* done/);
});

test("a ratio compares within a round, so that a slow round does not count", () => {
  const part = { model: "small", part: "step", peer: false } as const;
  const rows = [
    toRow({ ...part, form: "prepared" }, [measured(1, 1), measured(30), measured(1)]),
    toRow({ ...part, form: "plain" }, [measured(2), measured(60), measured(4)]),
    toRow({ ...part, form: "PyTorch", peer: true }, [measured(4), measured(120), measured(2)]),
  ];
  const [prepared] = table(rows).split("\n").slice(2);
  expect(prepared).toBe("| small | step | prepared | 1.00 s | 1.00 s | 1.00 s | 0.50 | 0.25 | 2.00 GB | 1.00 GB |");
  const [plain] = table(rows.slice(1, 2)).split("\n").slice(2);
  expect(plain).toBe("| small | step | plain | 1.00 s | 4.00 s | 2.00 s | 1.00 | 2.00 GB | 1.00 GB |");
});

test("growth goes along one axis at a time", () => {
  const points = growthPoints(MODEL, "in place", OPTIONS);
  const [start] = points.filter(({ axis }) => axis === "pictures");
  for (const { axis, value, measurement } of points) {
    const { height, width, batch, controlnets, threads, steps } = measurement;
    expect([height, width]).toEqual(axis === "pixels a side" ? [value / 8, value / 8] : [16, 16]);
    expect(batch).toBe(axis === "pictures" ? 2 * value : start!.measurement.batch);
    expect(controlnets).toBe(axis === "ControlNets" ? value : 0);
    expect(threads).toBe(axis === "threads" ? value : 2);
    expect(steps).toBe(axis === "steps" ? value : 1);
  }
});

test("growth is told against the first point and against proportion, and drawn", () => {
  const points = growthPoints(MODEL, "in place", OPTIONS).filter(({ axis }) => axis === "pixels a side");
  const rows = points.slice(0, 3).map((point, i) => toGrowthRow(point, [measured([1, 3, 4][i]!)]));
  expect(growthTable(rows).split("\n").slice(2)).toEqual([
    "| small | pixels a side | 256 | 1.00 s | 1.00 | 1.00 | 2.00 GB |",
    "| small | pixels a side | 384 | 3.00 s | 3.00 | 1.33 | 2.00 GB |",
    "| small | pixels a side | 512 | 4.00 s | 4.00 | 1.00 | 2.00 GB |",
  ]);
  const drawn = growthChart(rows, "<small>");
  expect(drawn.match(/<circle/g)).toHaveLength(3);
  expect(drawn).toContain("&lt;small>");
});
