/** The scenario `hostile`: what its clients bring and where from, and the claims on memory and latency that k6 cannot judge. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { platform } from "node:os";
import { join } from "node:path";
import { ROOT } from "@armature/core";
import { sharp } from "@armature/images";
import { bombs, manyFrames } from "../fault-report/hostile-pictures.js";
import type { Stack } from "../services.js";
import { atMost, type Claim } from "./claim.js";
import type { Disturbance } from "./disturbance.js";
import type { Acts } from "./disturber.js";
import type { HostilePictures } from "./hostile-acts.js";
import { type Attack, attack } from "./hostile-clients.js";
import type { K6Summary } from "./report.js";
import { watchServingMemory } from "./serving-memory.js";
import { startDecoders } from "./start-decoders.js";

/** Half the default, so that fewer pixels fill it; less would be lost in the 50 MB that Node's own memory swings by under load. */
const INFLIGHT_MB = 256;

/** Resident memory above idle per byte of INFLIGHT_MB, as documented. */
const MEMORY_FACTOR = 1.2;

/** How much longer honest requests may take beside hostile ones. */
const MAX_SLOWDOWN = 2;

/** Side of a picture of which there is room for two, and for nothing beside them: 7 bytes per pixel, of three quarters of the budget. */
const LARGE_SIDE = 3_600;

export async function hostile(): Promise<Disturbance> {
  if (platform() !== "linux")
    throw new Error("hostile: needs Linux, which has the addresses that its clients come from");
  const drip = await dripServer();
  const pictures = await hostilePictures();
  let memory: Record<string, ReturnType<typeof watchServingMemory>> = {};
  let attacking: Attack | undefined;
  return {
    env: { INFLIGHT_MB: String(INFLIGHT_MB), PRIVATE_SOURCES: drip.host },
    async begin(stack: Stack): Promise<Acts> {
      const { diffusion, preprocessor } = stack;
      await startDecoders(stack, pictures.photo);
      memory = {
        diffusion: watchServingMemory(diffusion.process.pid!),
        preprocessor: watchServingMemory(preprocessor.process.pid!),
      };
      return {
        attack() {
          for (const { mark } of Object.values(memory)) mark();
          const target = { diffusion: diffusion.url, preprocessor: preprocessor.url };
          attacking = attack({ ...target, pictures, drip: `http://${drip.host}/picture.png` });
        },
        leave: () => attacking?.leave(),
      };
    },
    claims: (k6) => [...memoryClaims(memory), ...latencyClaims(k6)],
    flatMemory: false,
    slowPictures: true,
    stop: drip.stop,
  };
}

function memoryClaims(memory: Record<string, ReturnType<typeof watchServingMemory>>): Claim[] {
  return Object.entries(memory).map(([service, watch]) => {
    const { idleBytes, peakBytes } = watch.stop();
    return atMost(`${service}_mb_above_idle`, MEMORY_FACTOR * INFLIGHT_MB, (peakBytes - idleBytes) / 1e6);
  });
}

function latencyClaims({ metrics }: K6Summary): Claim[] {
  const p95 = (name: string, phase: string) => metrics[`${name}{phase:${phase}}`]?.values["p(95)"] ?? Number.NaN;
  return ["picture_duration", "control_image_duration"].map((name) =>
    atMost(`${name}_p95_attacked_to_quiet`, MAX_SLOWDOWN, p95(name, "attacked") / p95(name, "quiet")),
  );
}

async function hostilePictures(): Promise<HostilePictures> {
  const grey = (side: number) =>
    sharp({ create: { width: side, height: side, channels: 3, background: "#808080" } })
      .png({ palette: true, colours: 2, compressionLevel: 9 })
      .toBuffer();
  return {
    huge: await grey(7_000),
    large: await grey(LARGE_SIDE),
    bombs: [...(await bombs()), ...(await manyFrames())].map(({ file }) => file),
    photo: readFileSync(join(ROOT, "models/examples/yellow-sphere.png")),
  };
}

/** A server of pictures that never come: a byte each second. */
async function dripServer(): Promise<{ host: string; stop(): void }> {
  const server = createServer((_, res) => {
    res.writeHead(200, { "content-type": "image/png", "content-length": 1_000_000 });
    const timer = setInterval(() => res.write("x"), 1_000);
    res.on("close", () => clearInterval(timer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}
