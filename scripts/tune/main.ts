/** npm run tune: measures the forms of each layer that the profile's tables choose between. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { usableCpus } from "@armature/core";
import { tunedLayers } from "./layers.js";
import { measureLayer } from "./measure-layer.js";
import { tunedParts } from "./parts.js";
import { describe, savedMs, type TuneRow, tuneTable } from "./report.js";

const HELP = `npm run tune -- [options]

Measures, for each layer of a model that has several forms, every form on this machine, and prints the fastest beside the one that
the tables in shared/graph/profile.ts choose with prepared weights: Winograd's or the direct form of 3x3 convolutions, and the three
forms of attention. It needs a model's config.json only: weights are synthetic. Use it on an idle machine.

  --model MODEL   sd15 (Stable Diffusion 1.5 at full size), or a folder in diffusers' layout (default: the embedded model)
  --parts LIST    unet, vae (default both)
  --sizes LIST    sides of square pictures, in pixels, multiples of 64 (default 512)
  --repeats N     timed runs of each form, in turn, after one to warm up (default 5)
  --threads N     default: the CPUs that may be used
  --json FILE     also writes the results there
  --help`;

const { values: options } = parseArgs({
  options: {
    model: { type: "string", default: fileURLToPath(new URL("../../../models/tiny-sd", import.meta.url)) },
    parts: { type: "string", default: "unet,vae" },
    sizes: { type: "string", default: "512" },
    repeats: { type: "string", default: "5" },
    threads: { type: "string", default: String(usableCpus()) },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

async function main(): Promise<void> {
  const names = options.parts.split(",");
  const parts = tunedParts(options.model).filter(({ name }) => names.includes(name));
  const layers = options.sizes
    .split(",")
    .flatMap((size) =>
      parts.flatMap(({ name, network, sizesOf }) =>
        tunedLayers(network, sizesOf(Number(size))).map((layer) => ({ part: name, size: Number(size), ...layer })),
      ),
    );
  const settings = { threads: Number(options.threads), repeats: Number(options.repeats) };
  const rows: TuneRow[] = [];
  for (const [i, layer] of layers.entries()) {
    process.stderr.write(`${i + 1}/${layers.length} ${layer.part}, ${layer.size}: ${describe(layer.shape)}\n`);
    rows.push({ ...layer, times: await measureLayer(layer.shape, settings) });
  }
  const machine = `${cpus()[0]?.model}, ${settings.threads} threads, Node ${process.version}`;
  const saved = rows.reduce((sum, row) => sum + savedMs(row), 0);
  console.log(`\n${machine}\n\n${tuneTable(rows)}\n\nOther choices would save ${saved.toFixed(0)} ms in all.`);
  if (options.json) {
    writeFileSync(options.json, `${JSON.stringify({ date: new Date(), machine, rows }, null, 2)}\n`);
    console.log(options.json);
  }
}

if (options.help) console.log(HELP);
else await main();
