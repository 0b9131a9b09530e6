/** `npm run generate`: a picture from a picture and a prompt, written beside its control image. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { GenerateEvent, GenerateResponse } from "@armature/diffusion/contract/index";
import { request } from "undici";
import { readEvents } from "./event-reader.js";
import { ProgressBar } from "./progress-bar.js";
import { startStack } from "./services.js";

const EXAMPLE = fileURLToPath(new URL("../../models/examples/purple-sphere-and-orange-cube.png", import.meta.url));
const EXAMPLE_PROMPT = "a green sphere and a red cube on a checkered floor under a blue sky";

const HELP = `Makes a picture that follows another picture's depth or edges, and writes it beside its control image.

  --image FILE       picture to follow (default: an example of the embedded models)
  --control TYPE     what to follow: depth, canny, ...; may be given several times (default depth)
  --prompt TEXT      what the picture shows (default: one that suits the example)
  --negative TEXT    what it shall not show
  --seed N           default 1
  --steps N          default: what the model recommends
  --guidance X       default: what the model recommends
  --scale X          strength of the control (default 1)
  --size WxH         default: shaped like the picture
  --model ID         default: the first that is served
  --scheduler NAME   such as euler_a or "dpm++ 2m karras"
  --out FOLDER       default out
  --url URL          a diffusion service that runs already (default: start both services for this picture)

No --image but a --prompt: text-to-image, no control.`;

const OPTIONS = {
  image: { type: "string" },
  control: { type: "string", multiple: true },
  prompt: { type: "string" },
  negative: { type: "string" },
  seed: { type: "string", default: "1" },
  steps: { type: "string" },
  guidance: { type: "string" },
  scale: { type: "string", default: "1" },
  size: { type: "string" },
  model: { type: "string" },
  scheduler: { type: "string" },
  out: { type: "string", default: "out" },
  url: { type: "string" },
  help: { type: "boolean" },
} as const;

type Arguments = ReturnType<typeof readArguments>;

try {
  const args = readArguments();
  if (args.help) console.log(HELP);
  else await run(args);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

function readArguments() {
  return parseArgs({ options: OPTIONS }).values;
}

async function run(args: Arguments): Promise<void> {
  if (args.url) return write(await generate(args.url, args), args);
  console.log("Starting both services ...");
  const stack = await startStack({ env: { LOG_LEVEL: process.env.LOG_LEVEL || "error" }, output: "ignore" });
  try {
    write(await generate(stack.diffusion.url, args), args);
  } finally {
    await stack.stop();
  }
}

async function generate(url: string, args: Arguments): Promise<GenerateResponse> {
  const { statusCode, body } = await request(`${url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(toRequest(args)),
    bodyTimeout: 0,
  });
  if (statusCode !== 200)
    throw new Error(((await body.json()) as { detail?: string }).detail ?? `status ${statusCode}`);
  const bar = new ProgressBar(process.stderr);
  for await (const { event, data } of readEvents(body)) {
    const message = { event, data: JSON.parse(data) } as GenerateEvent;
    if (message.event === "queued") bar.say(`waiting behind ${message.data.position} others`);
    if (message.event === "started") bar.say("control image and models ...");
    if (message.event === "progress") bar.show(message.data.step, message.data.steps, message.data.eta_ms);
    if (message.event === "failed") throw new Error(message.data.detail ?? message.data.title);
    if (message.event === "completed") {
      bar.end();
      return message.data;
    }
  }
  throw new Error("The service ended its answer before the picture was finished");
}

function toRequest(args: Arguments): Record<string, unknown> {
  const [width, height] = args.size?.split("x").map(Number) ?? [];
  const image = args.image ?? (args.prompt && !args.control ? undefined : EXAMPLE);
  const encoded = image && readFileSync(image).toString("base64");
  const controls = image ? (args.control ?? ["depth"]) : [];
  return {
    prompt: args.prompt ?? EXAMPLE_PROMPT,
    negative_prompt: args.negative,
    model: args.model,
    scheduler: args.scheduler,
    seed: Number(args.seed),
    num_inference_steps: optionalNumber(args.steps),
    guidance_scale: optionalNumber(args.guidance),
    width,
    height,
    controlnets: controls.map((type) => ({ type, image: encoded, conditioning_scale: Number(args.scale) })),
  };
}

function optionalNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** `<name>-seed<seed>.png` and a `-<type>.png` for each control image. */
function write(
  { images, control_images: controls, parameters, timings, warnings }: GenerateResponse,
  args: Arguments,
): void {
  mkdirSync(args.out, { recursive: true });
  const source = args.image ?? (parameters.controlnets.length > 0 ? EXAMPLE : "picture");
  const name = basename(source, extname(source));
  const save = (suffix: string, picture: { image: string }, what: string) => {
    const file = join(args.out, `${name}-${suffix}.png`);
    writeFileSync(file, Buffer.from(picture.image, "base64"));
    console.log(`  ${relative(process.cwd(), file)}  ${what}`);
  };
  const { width, height, num_inference_steps: steps, scheduler } = parameters;
  for (const control of controls) save(control.type, control, `control image (${control.preprocessor})`);
  for (const image of images) {
    save(
      `seed${image.seed}`,
      image,
      `${width}x${height}, ${steps} steps of ${scheduler.name}, ${(timings.total_ms / 1000).toFixed(1)} s`,
    );
  }
  for (const warning of warnings) console.warn(warning);
}
