/** What NVIDIA's own tool says of its cards' memory. */
import { execFile } from "node:child_process";

export interface CardMemory {
  /** The card, and which of how many. */
  card: string;
  freeBytes: number;
  totalBytes: number;
}

interface NvidiaSmiOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** The tool can hang where a driver does. */
  timeoutMs?: number;
}

const FIELDS = ["index", "uuid", "name", "memory.free", "memory.total"];
const MEBIBYTE = 2 ** 20;

/** The memory of the card that CUDA computes on. Throws an Error with the reason where that cannot be learnt. */
export async function readCardMemory({ env, timeoutMs = 5000 }: NvidiaSmiOptions): Promise<CardMemory> {
  const table = await query({ env, timeoutMs });
  const cards = table.trim().split("\n").map(parseCard);
  const card = chooseCard(cards, env.CUDA_VISIBLE_DEVICES);
  const which = cards.length === 1 ? "" : `, card ${card.index} of ${cards.length}`;
  return { card: `${card.name}${which}`, freeBytes: card.freeBytes, totalBytes: card.totalBytes };
}

function query({ env, timeoutMs }: Required<NvidiaSmiOptions>): Promise<string> {
  const args = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];
  return new Promise((resolve, reject) => {
    const options = { env: { ...env }, timeout: timeoutMs, killSignal: "SIGKILL" as const };
    execFile("nvidia-smi", args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (error.code === "ENOENT") return reject(new Error("there is no nvidia-smi"));
      if (error.killed) return reject(new Error(`nvidia-smi gave no answer within ${timeoutMs / 1000} s`));
      const words = `${stdout}${stderr}`.trim().split("\n", 1)[0];
      reject(new Error(`nvidia-smi failed (${error.code ?? error.signal}): ${words || "without a word"}`));
    });
  });
}

interface Card {
  index: string;
  uuid: string;
  name: string;
  freeBytes: number;
  totalBytes: number;
}

function parseCard(line: string): Card {
  const [index = "", uuid = "", name = "", free, total] = line.split(",").map((field) => field.trim());
  const [freeBytes, totalBytes] = [free, total].map((field) => (field ? Number(field) * MEBIBYTE : Number.NaN));
  if (!(freeBytes! >= 0 && totalBytes! > 0)) {
    throw new Error(`nvidia-smi answers "${line.slice(0, 80)}", which says nothing of memory`);
  }
  return { index, uuid, name, freeBytes: freeBytes!, totalBytes: totalBytes! };
}

/** CUDA computes on the first card that it sees; CUDA_VISIBLE_DEVICES names those by number or UUID. */
function chooseCard(cards: Card[], visible = ""): Card {
  const wanted = visible.split(",", 1)[0]!.trim();
  if (!wanted) return cards[0]!;
  const found = cards.find(({ index, uuid }) => index === wanted || uuid.startsWith(wanted));
  if (!found) throw new Error(`CUDA_VISIBLE_DEVICES names ${wanted}, which nvidia-smi does not list`);
  return found;
}
