/** What the tests of fetching share: a Hub on loopback, an empty models' folder, and settings that waste no time. */
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FetchEvent, FetchTuning } from "../fetch-options.js";
import { type FetchOptions, type FetchResult, fetchSelection } from "../fetch-weights.js";
import { HttpClient } from "../http/http-client.js";
import { Hub, type HubOptions } from "../hub.js";
import { readLock, type WeightsLock } from "../lock-file.js";
import { type Selection, selectWeights } from "../selection.js";
import { HubSource } from "../sources/hub-source.js";
import "./built-hash-worker.js";
import { type Content, inMemory, noise, text } from "./content.js";
import { HubServer } from "./hub-server.js";

export const QUICK: FetchTuning = {
  files: 2,
  connections: 4,
  connectionsPerFile: 3,
  chunkBytes: 16 * 1024,
  sync: false,
  retry: { attempts: 4, baseDelayMs: 1, maxDelayMs: 4, maxRetryAfterS: 2, random: () => 0 },
};

const STALL_MS = 150;
export const DEPTH = "lllyasviel/control_v11f1p_sd15_depth";
export const WEIGHTS = "diffusion_pytorch_model.fp16.safetensors";

export class WeightsLab {
  readonly #clients: HttpClient[] = [];
  readonly events: FetchEvent[] = [];

  private constructor(
    readonly server: HubServer,
    readonly root: string,
  ) {}

  static async open(): Promise<WeightsLab> {
    return new WeightsLab(await HubServer.start(), await mkdtemp(join(tmpdir(), "weights-lab-")));
  }

  /** The models' folder; it does not exist before the first fetch. */
  get dir(): string {
    return join(this.root, "models");
  }

  /** Publishes a ControlNet of `size` bytes, as those of lllyasviel are laid out, and returns its weights. */
  publishControlnet(size: number, seed = 1): Uint8Array {
    const bytes = noise(size, seed);
    this.server.publish(DEPTH, controlnetFiles(bytes));
    return bytes;
  }

  client(): HttpClient {
    const client = new HttpClient({ stallTimeoutMs: STALL_MS, connectTimeoutMs: 1000 });
    this.#clients.push(client);
    return client;
  }

  hub(options: Partial<HubOptions> = {}): Hub {
    return new Hub(this.client(), { endpoint: this.server.endpoint, token: undefined, tokenHosts: [], ...options });
  }

  source(options: Partial<HubOptions> = {}): HubSource {
    const client = this.client();
    const { endpoint } = this.server;
    return new HubSource(new Hub(client, { endpoint, token: undefined, tokenHosts: [], ...options }), client);
  }

  /** Fetches from the lab's Hub, quickly. */
  fetch(selection: Selection = depth(), options: Partial<FetchOptions> = {}): Promise<FetchResult> {
    return fetchSelection(
      selection,
      { dir: this.dir },
      {
        source: this.source(),
        progress: (event) => this.events.push(event),
        ...options,
        tuning: { ...QUICK, ...options.tuning },
      },
    );
  }

  path(path: string, repository = DEPTH): string {
    return join(this.dir, repository, path);
  }

  read(path: string, repository = DEPTH): Promise<Buffer> {
    return readFile(this.path(path, repository));
  }

  lock(): Promise<WeightsLock> {
    return readLock(join(this.dir, "armature-weights.lock.json"));
  }

  /** Every file below the models' folder, sorted. */
  async files(): Promise<string[]> {
    const names = await readdir(this.dir, { recursive: true }).catch(() => []);
    const isFile = await Promise.all(names.map(async (name) => (await stat(join(this.dir, name))).isFile()));
    return names.filter((_, i) => isFile[i]).sort();
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.server.close();
    await rm(this.root, { recursive: true, force: true });
  }
}

export function depth(): Selection {
  return selectWeights({ controlnets: ["depth"] });
}

/** The needed files and those that a clone would also bring. */
export function controlnetFiles(weights: Uint8Array): Record<string, Content> {
  return {
    "README.md": text("# a model"),
    "config.json": text('{"_class_name": "ControlNetModel"}'),
    "diffusion_pytorch_model.bin": inMemory(noise(weights.length * 2, 2)),
    "diffusion_pytorch_model.safetensors": inMemory(noise(weights.length * 2, 3)),
    [WEIGHTS]: inMemory(weights),
  };
}
