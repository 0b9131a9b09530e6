/** npm run tune: measures the forms of each layer that the profile's tables choose between. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { usableCpus } from "@armature/core";
import { type Configs, configsOfFolders, fullSizeConfigs } from "../bench/configs.js";
import { embeddedComponents } from "../bench/models.js";
import { modelComponents, NETWORK_NAMES, readComponents } from "../bench/networks.js";
import { tunedLayers } from "./layers.js";
import { measureLayer } from "./measure-layer.js";
import { tunedNetworks } from "./networks.js";
import { describe, savedMs, type TuneRow, tuneTable } from "./report.js";

const HELP = `npm run tune -- [options]

Measures, for each layer of a network that has several forms, every form on this machine, and prints the fastest beside the one that
the tables in shared/graph/profile.ts choose with prepared weights: Winograd's or the direct form of 3x3 convolutions, and the three
forms of attention. It needs a model's config.json only: weights are synthetic. Use it on an idle machine.

  --model MODEL   sd15 (Stable Diffusion 1.5 and depth networks at full size), or a folder in diffusers' layout (default: the embedded
                  models)
  --components LIST
                  kind=folder: other components, such as depth_anything=weights/depth-anything-small-hf
  --networks LIST ${[...NETWORK_NAMES.keys()].join(", ")}
                  (default unet, VAE decoder)
  --sizes LIST    sides of square pictures, in pixels, multiples of 64 (default 512); a depth network's own size is one for all
  --repeats N     timed runs of each form, in turn, after one to warm up (default 5)
  --threads N     default: the CPUs that may be used
  --json FILE     also writes the results there
  --help`;

const { values: options } = parseArgs({
  options: {
    model: { type: "string" },
    components: { type: "string" },
    networks: { type: "string", default: "unet,VAE decoder" },
    sizes: { type: "string", default: "512" },
    repeats: { type: "string", default: "5" },
    threads: { type: "string", default: String(usableCpus()) },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const MODELS = fileURLToPath(new URL("../../../models", import.meta.url));

async function main(): Promise<void> {
  const networks = tunedNetworks(options.networks.split(","), chosenConfigs());
  const layers = options.sizes
    .split(",")
    .map(Number)
    .flatMap((size) =>
      networks.flatMap(({ name, network, sizesAt }) =>
        tunedLayers(network, sizesAt(size)).map((layer) => ({ network: name, size, ...layer })),
      ),
    );
  const settings = { threads: Number(options.threads), repeats: Number(options.repeats) };
  const rows: TuneRow[] = [];
  for (const [i, layer] of layers.entries()) {
    process.stderr.write(`${i + 1}/${layers.length} ${layer.network}, ${layer.size}: ${describe(layer.shape)}\n`);
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

function chosenConfigs(): Configs {
  const further = configsOfFolders(readComponents(options.components));
  if (options.model === "sd15") return { ...fullSizeConfigs(), ...further };
  const components = options.model === undefined ? embeddedComponents(MODELS) : modelComponents(options.model);
  return { ...configsOfFolders(components), ...further };
}

if (options.help) console.log(HELP);
else
  await main().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
