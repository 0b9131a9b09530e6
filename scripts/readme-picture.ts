/** `npm run readme-picture`: makes docs/images/main-job.png with the embedded models, through both services. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import { sharp } from "@armature/images";
import { request } from "undici";
import { type Stack, startStack } from "./services.js";

const HELP =
  "Makes docs/images/main-job.png anew: examples, their depth and edges, and the pictures that follow those.";

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const SIDE = 192;
const GAP = 6;

interface Row {
  example: string;
  prompt: string;
  seed: number;
}

const ROWS: Row[] = [
  { example: "green-cone", prompt: "an orange cone on a wooden floor at night", seed: 4 },
  { example: "yellow-sphere", prompt: "a blue sphere on a wooden floor under a sunset sky", seed: 2 },
];

const { values } = parseArgs({ options: { help: { type: "boolean" } } });
if (values.help) console.log(HELP);
else await makePicture();

async function makePicture(): Promise<void> {
  const stack = await startStack({ env: { LOG_LEVEL: "error" }, output: "ignore" });
  try {
    const rows = [];
    for (const row of ROWS) rows.push(await pictures(stack, row));
    await compose(rows, fromRoot("docs/images/main-job.png"));
  } finally {
    await stack.stop();
  }
}

/** The photograph, its depth, the picture that follows it, its edges, the picture that follows those. */
async function pictures({ diffusion }: Stack, { example, prompt, seed }: Row): Promise<Buffer[]> {
  const photo = readFileSync(fromRoot(`models/examples/${example}.png`));
  const row = [photo];
  for (const type of ["depth", "canny"]) {
    const { body } = await request(`${diffusion.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt, seed, controlnets: [{ type, image: photo.toString("base64") }] }),
    });
    const { images, control_images: controls } = (await body.json()) as GenerateResponse;
    row.push(Buffer.from(controls[0]!.image, "base64"), Buffer.from(images[0]!.image, "base64"));
  }
  return row;
}

async function compose(rows: Buffer[][], file: string): Promise<void> {
  const step = SIDE + GAP;
  const tiles = await Promise.all(
    rows.flatMap((row, y) =>
      row.map(async (picture, x) => ({
        input: await sharp(picture).resize(SIDE).png().toBuffer(),
        left: x * step,
        top: y * step,
      })),
    ),
  );
  const size = { width: rows[0]!.length * step - GAP, height: rows.length * step - GAP };
  await sharp({ create: { ...size, channels: 3, background: "#ffffff" } })
    .composite(tiles)
    .png({ compressionLevel: 9 })
    .toFile(file);
}
