/** `npm run plan-memory`: what a selection takes of a graphics card's memory. Exit code 1: it does not fit; 2: a wrong argument. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { OutOfMemory } from "@armature/core";
import { type Card, cardForms, componentMemories } from "./plan-memory/component-memory.js";
import { type Plan, planReport } from "./plan-memory/report.js";
import { selectFullSize, selectOnDisk } from "./plan-memory/selection.js";
import { judge } from "./plan-memory/verdict.js";

const HELP = `npm run plan-memory -- [options]

Predicts the graphics memory of each network of a request (weights, and activations at their peak), and says what of the selection fits
a card together. Nothing is loaded. The model of computation is in docs/memory.md.

  --models LIST       ids under the models' folder (default all)
  --controlnets LIST  type or type=folder (default all; "" for none)
  --full-size         Stable Diffusion 1.5's shapes, without weights; --controlnets are then any names (default one)
  --width N           pixels, a multiple of 8, at least 64 (default 512)
  --height N          pixels, a multiple of 8, at least 64 (default 512)
  --images N          pictures a request (default 1)
  --card-gb N         memory of the card in 10^9 bytes (default 12: RTX 3060)
  --device D          webgpu or cuda (default webgpu)
  --models-dir DIR    default MODELS_DIR, else the embedded models
  --json              the plan for machines
  --help

Exit code 0: all of it stays loaded; 1: it does not fit; 2: a wrong argument or model.`;

const EMBEDDED_MODELS = fileURLToPath(new URL("../../models", import.meta.url));

function main(): number {
  const { values } = parseArgs({
    options: {
      models: { type: "string" },
      controlnets: { type: "string" },
      "full-size": { type: "boolean", default: false },
      width: { type: "string", default: "512" },
      height: { type: "string", default: "512" },
      images: { type: "string", default: "1" },
      "card-gb": { type: "string", default: "12" },
      device: { type: "string", default: "webgpu" },
      "models-dir": { type: "string", default: process.env.MODELS_DIR || EMBEDDED_MODELS },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const request = {
    width: whole("--width", values.width, 8),
    height: whole("--height", values.height, 8),
    images: whole("--images", values.images, 1),
  };
  const cardBytes = 1e9 * positive("--card-gb", values["card-gb"]);
  const forms = cardForms(deviceOf(values.device));
  const [models, controlnets] = [list(values.models), list(values.controlnets)];
  if (models?.length === 0) throw new Error("--models: wants at least one id");
  const selected = values["full-size"]
    ? selectFullSize(controlnets ?? ["controlnet"])
    : selectOnDisk({ modelsDir: values["models-dir"], models, controlnets });

  const components = componentMemories(selected, request, forms);
  const plan: Plan = { request, cardBytes, components, verdict: judge(components, cardBytes) };
  console.log(values.json ? JSON.stringify(plan, null, 2) : planReport(plan, forms));
  return plan.verdict.fits ? 0 : 1;
}

function list(text: string | undefined): string[] | undefined {
  return text?.split(",").filter((item) => item !== "");
}

function whole(option: string, text: string, multiple: number): number {
  const value = positive(option, text);
  if (value % multiple !== 0) throw new Error(`${option}: wants a multiple of ${multiple}, found ${text}`);
  return value;
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new Error(`${option}: wants a number above 0, found ${text}`);
  return value;
}

function deviceOf(text: string): Card {
  if (text !== "webgpu" && text !== "cuda") throw new Error(`--device: wants webgpu or cuda, found ${text}`);
  return text;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error((error as Error).message);
  // a tensor that the device cannot hold is an answer, not a fault
  process.exitCode = error instanceof OutOfMemory ? 1 : 2;
}
