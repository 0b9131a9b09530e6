/** The command line of `fetch-weights`, checked. */
import { parseArgs } from "node:util";
import { InvalidConfig } from "@armature/core";
import type { SelectionNames } from "@armature/fetch";

export interface Arguments extends SelectionNames {
  dir: string | undefined;
  lock: string | undefined;
  from: string | undefined;
  mirrorTo: string | undefined;
  connections: number | undefined;
  action: "fetch" | "verify" | "list" | "help";
  dryRun: boolean;
  json: boolean;
  frozen: boolean;
  update: boolean;
  repair: boolean;
  prune: boolean;
  yes: boolean;
  sync: boolean;
}

const OPTIONS = {
  model: { type: "string", multiple: true, default: [] as string[] },
  controlnets: { type: "string", multiple: true, default: [] as string[] },
  annotators: { type: "string", multiple: true, default: [] as string[] },
  extras: { type: "string", multiple: true, default: [] as string[] },
  dir: { type: "string" },
  lock: { type: "string" },
  from: { type: "string" },
  "mirror-to": { type: "string" },
  connections: { type: "string" },
  "dry-run": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  frozen: { type: "boolean", default: false },
  update: { type: "boolean", default: false },
  verify: { type: "boolean", default: false },
  repair: { type: "boolean", default: false },
  prune: { type: "boolean", default: false },
  yes: { type: "boolean", default: false },
  "no-sync": { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

export const USAGE = `Fetches the weights that a deployment needs, file by file, and nothing else.

  npm run fetch-weights -- --model Lykon/DreamShaper --controlnets depth,canny --annotators depth_midas

What (comma-separated; each may stand alone; "all" names every one of its kind)
  --model NAMES         base models: a short name, or owner/name[@revision] of any repository in diffusers' layout
  --controlnets TYPES   ControlNets: a type, or owner/name[@revision]
  --annotators IDS      weights of the preprocessor's processors
  --extras NAMES        safety_checker, tagger
  --list                the names that are known

Where
  --dir DIR             folder of the models (default: MODELS_DIR)
  --from SOURCE         instead of the Hub: a directory, the URL of an HTTP mirror, s3://bucket/prefix
  --mirror-to S3        afterwards, store the selection in s3://bucket/prefix, for a fleet to fetch from
  --lock FILE           lock file (default: beside the weights)

How
  --dry-run             print the plan and stop
  --json                print one JSON document instead of tables
  --frozen              fail on any difference from the lock file, and never change it
  --update              ask anew what branches and tags stand for, and pin that
  --verify              hash what is there and compare; fetch nothing. Without a selection: all that is pinned
  --repair              hash what is there, and fetch again what is damaged
  --prune               remove pinned files that the selection does not need (asks first; --yes does not)
  --connections N       connections at once (default: 8)
  --no-sync             do not wait until files are on the disk: faster, but a power cut may damage them
  --help                this text

Of a network without listed files come the weights that would be loaded: .fp16, plain or .bf16 safetensors, whole or in shards. Where
the manifest names several repositories with the same weights, the next is tried when one is gone, under the same pinned sha256;
output, --json and the lock file say which served.

Exit code: 0 done, 1 weights could not be had, 2 wrong usage, 3 differences found, 130 interrupted (the same command goes on).
`;

/** Throws InvalidConfig for what cannot be meant. */
export function readArguments(argv: string[]): Arguments {
  const { values } = parse(argv);
  const names = (given: readonly string[]) =>
    given.flatMap((text) => text.split(",").map((name) => name.trim())).filter(Boolean);
  const selection = {
    models: names(values.model),
    controlnets: names(values.controlnets),
    annotators: names(values.annotators),
    extras: names(values.extras),
  };
  const isEmpty = Object.values(selection).every((list) => list.length === 0);
  const action = values.help ? "help" : values.list ? "list" : values.verify ? "verify" : "fetch";
  if (isEmpty && action === "fetch") {
    throw new InvalidConfig(
      "Nothing to fetch: name some of --model, --controlnets, --annotators, --extras, or see --help",
    );
  }
  if (values.frozen && values.update) throw new InvalidConfig("--frozen and --update exclude each other");
  return {
    ...selection,
    action,
    dir: values.dir,
    lock: values.lock,
    from: values.from,
    mirrorTo: values["mirror-to"],
    connections: positive("--connections", values.connections),
    dryRun: values["dry-run"],
    json: values.json,
    frozen: values.frozen,
    update: values.update,
    repair: values.repair,
    prune: values.prune,
    yes: values.yes,
    sync: !values["no-sync"],
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, options: OPTIONS, strict: true, allowPositionals: false });
  } catch (error) {
    throw new InvalidConfig(`${(error as Error).message.split(". To specify")[0]}. See --help`, { cause: error });
  }
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= 64) return value;
  throw new InvalidConfig(`${name} wants a number from 1 to 64, found ${JSON.stringify(text)}`);
}
