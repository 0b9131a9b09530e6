/**
 * Hubs that lie, never end or talk nonsense, one kind a row, and what must come of a fetch from them: the right files, or a
 * WeightsUnavailable of a kind that fits, after few requests and bytes, in words that are safe to print.
 */
import { readdir } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { ListingLimits } from "../hub.js";
import { type UnavailableReason, WeightsUnavailable } from "../weights-unavailable.js";
import { text } from "./content.js";
import type { SeenRequest } from "./hub-server.js";
import { controlnetFiles, DEPTH, depth, WEIGHTS, WeightsLab } from "./weights-lab.js";

interface HostileHub {
  kind: string;
  /** Prepares the lab's server; `random` is in [0, 1). */
  arm(lab: WeightsLab, random: () => number): void;
  /** What the fetch may end with; `fetched` for the right bytes. */
  ends: readonly (UnavailableReason | "fetched")[];
  /** Requests that it may cost. */
  maxRequests: number;
}

interface HostileOutcome {
  /** What did not hold, in words; undefined if all did. */
  broken: string | undefined;
  ended: string;
  requests: number;
}

const LIMITS: ListingLimits = { pages: 10, bytes: 2 ** 20, ms: 400 };
/** The most that any of these fetches may take: the listing's limit, and the time of a few answers beside it. */
const LONGEST_MS = 30_000;

const TREE = /\/tree\//;
const RESOLVE = /\/resolve\//;
const CONTROL = /[\p{Cc}\u202a-\u202e]/u;
/** An escape sequence that begins with a C1 control character, in UTF-8, as a header of bytes. */
const C1_ESCAPE = Buffer.from("\u009b31mred\u009b0m and \u202egnp").toString("latin1");

export const HOSTILE_HUBS: readonly HostileHub[] = [
  {
    kind: "a list whose next page never ends",
    arm: (lab) => {
      let page = 0;
      onList(lab, (_request, res) => {
        res.setHeader("link", `<${lab.server.endpoint}/api/models/${DEPTH}/tree/x?cursor=${++page}>; rel="next"`);
        res.end("[]");
      });
    },
    ends: ["unexpected-answer"],
    maxRequests: 1 + LIMITS.pages,
  },
  {
    kind: "a list whose next page is itself",
    arm: (lab) => onList(lab, (request, res) => res.setHeader("link", `<${request.path}>; rel="next"`).end("[]")),
    ends: ["unexpected-answer"],
    maxRequests: 2,
  },
  {
    kind: "a list that comes drop by drop",
    arm: (lab) =>
      onList(lab, (_request, res) => {
        res.write("[");
        const timer = setInterval(() => res.write(" "), 20);
        res.once("close", () => clearInterval(timer));
      }),
    ends: ["unexpected-answer"],
    maxRequests: 2,
  },
  {
    kind: "a page without an end",
    arm: (lab) => onList(lab, (_request, res) => pour(res)),
    ends: ["unexpected-answer"],
    maxRequests: 2,
  },
  {
    kind: "a next page, or a redirect, that is no address of the web",
    arm: (lab, random) => {
      const address = ["http://[", "http://a:b:c/", "file:///etc/passwd", "javascript:alert(1)", "//"][
        pick(random, 5)
      ]!;
      if (random() < 0.5) onList(lab, (_request, res) => res.setHeader("link", `<${address}>; rel="next"`).end("[]"));
      else on(lab, random() < 0.5 ? RESOLVE : TREE, (_request, res) => redirect(res, address));
    },
    ends: ["unexpected-answer"],
    maxRequests: 8,
  },
  {
    kind: "redirects in circles",
    arm: (lab, random) => on(lab, random() < 0.5 ? RESOLVE : TREE, ({ path }, res) => redirect(res, path)),
    ends: ["unexpected-answer"],
    maxRequests: 20,
  },
  {
    kind: "a web page with status 200 in place of an answer",
    arm: (lab, random) =>
      on(lab, random() < 0.5 ? /\/revision\// : TREE, (_request, res) => res.end("<html>Please log in</html>")),
    ends: ["unexpected-answer"],
    maxRequests: 2,
  },
  {
    kind: "files of 0 bytes under a hash that is not theirs",
    arm: (lab, random) => {
      const all = random() < 0.5;
      relist(lab, (entry) => (all || entry.path === "config.json" ? { ...entry, size: 0, lfs: undefined } : entry));
    },
    ends: ["no-weights", "pickle-only", "missing-file", "corrupt"],
    maxRequests: 24,
  },
  {
    kind: "files without a size",
    arm: (lab) => relist(lab, ({ size: _size, lfs: _lfs, ...entry }) => entry),
    ends: ["unexpected-answer"],
    maxRequests: 3,
  },
  {
    kind: "a Git LFS pointer published as the weights",
    arm: (lab) => {
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 722601104\n`;
      lab.server.publish(DEPTH, { ...controlnetFiles(new Uint8Array(9)), [WEIGHTS]: text(pointer) });
    },
    ends: ["lfs-pointer"],
    maxRequests: 8,
  },
  {
    kind: "escape sequences in what it says of an error",
    arm: (lab, random) => {
      const status = [403, 404, 418][pick(random, 3)]!;
      on(lab, random() < 0.5 ? RESOLVE : TREE, (_request, res) =>
        res.writeHead(status, { "x-error-message": C1_ESCAPE }).end("{}"),
      );
    },
    ends: ["gated", "missing-repository", "unexpected-answer"],
    maxRequests: 8,
  },
  {
    kind: "escape sequences in the names of files",
    arm: (lab) => relist(lab, (entry) => ({ ...entry, path: `\u001b[2J\u009b31m${entry.path}.bin` }), "config.json"),
    ends: ["pickle-only", "no-weights", "missing-file"],
    maxRequests: 3,
  },
  {
    kind: "a refusal: 401, 403, 404 or 410",
    arm: (lab, random) => {
      const status = [401, 403, 404, 410][pick(random, 4)]!;
      on(lab, random() < 0.5 ? /\/revision\// : TREE, (_request, res) => res.writeHead(status).end("no"));
    },
    ends: ["gated", "missing-repository"],
    maxRequests: 2,
  },
  {
    kind: "a content network that refuses",
    arm: (lab, random) => {
      const status = [401, 403, 404, 410][pick(random, 4)]!;
      lab.server.fault = ({ host }) => (host === "cdn" ? { kind: "status", status } : undefined);
    },
    ends: ["unexpected-answer"],
    maxRequests: 8,
  },
  {
    kind: "a refusal whose text never ends",
    arm: (lab, random) => on(lab, random() < 0.5 ? RESOLVE : TREE, (_request, res) => pour(res.writeHead(404))),
    ends: ["missing-repository", "unexpected-answer"],
    maxRequests: 8,
  },
  {
    kind: "a wait of a thousand years",
    arm: (lab) => onList(lab, (_request, res) => res.writeHead(429, { "retry-after": "31556952000" }).end()),
    ends: ["rate-limited"],
    maxRequests: 2,
  },
  {
    kind: "other bytes than it names",
    arm: (lab) => {
      lab.server.fault = ({ host }) => (host === "cdn" ? { kind: "flip", at: 3 } : undefined);
    },
    ends: ["corrupt"],
    maxRequests: 64,
  },
];

/** Fetches from one hostile hub, and says what did not hold. The same seed gives the same hub. */
export async function meetHostileHub(hub: HostileHub, random: () => number): Promise<HostileOutcome> {
  const lab = await WeightsLab.open();
  try {
    const bytes = lab.publishControlnet(2000 + Math.floor(random() * 60_000), 1 + pick(random, 1000));
    hub.arm(lab, random);
    const start = performance.now();
    const failure = await lab.fetch(depth(), { source: lab.source({ limits: LIMITS }) }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const took = performance.now() - start;
    const ended = failure instanceof WeightsUnavailable ? failure.reason : failure ? String(failure) : "fetched";
    const requests = lab.server.requests.length;
    const broken = [
      (hub.ends as readonly string[]).includes(ended) ? "" : `ended with ${ended}`,
      requests <= hub.maxRequests ? "" : `${requests} requests`,
      took < LONGEST_MS ? "" : `${Math.round(took)} ms`,
      failure instanceof Error && CONTROL.test(failure.message) ? "control characters in the message" : "",
      await wrongFiles(lab, bytes, ended === "fetched"),
    ].filter(Boolean);
    return { broken: broken.join("; ") || undefined, ended, requests };
  } finally {
    await lab.close();
  }
}

/** What lies on the disk and should not: weights that are not the published ones, or anything outside the models' folder. */
async function wrongFiles(lab: WeightsLab, bytes: Uint8Array, isComplete: boolean): Promise<string> {
  const outside = (await readdir(lab.root)).filter((name) => name !== "models");
  if (outside.length > 0) return `wrote ${outside.join(", ")}`;
  const names = await lab.files();
  const weights = names.includes(`${DEPTH}/${WEIGHTS}`) ? await lab.read(WEIGHTS) : undefined;
  if (weights && !isDeepStrictEqual(new Uint8Array(weights), bytes)) return "wrong weights under the final name";
  return isComplete && !weights ? "complete without weights" : "";
}

type Respond = (request: SeenRequest, res: ServerResponse) => unknown;

function on(lab: WeightsLab, path: RegExp, respond: Respond): void {
  lab.server.intercept = (request, res) => {
    if (request.host !== "hub" || !path.test(request.path)) return false;
    respond(request, res);
    return true;
  };
}

function onList(lab: WeightsLab, respond: Respond): void {
  on(lab, TREE, respond);
}

interface Entry {
  type: string;
  path: string;
  size?: number | undefined;
  oid: string;
  lfs?: { oid: string; size: number } | undefined;
}

/** Answers with one page of the published files, each changed, and of `also` as it is. */
function relist(lab: WeightsLab, change: (entry: Entry) => Partial<Entry>, also?: string): void {
  const files = Object.entries(controlnetFiles(new Uint8Array(2000)));
  const entries = files.map(([path, { size, sha256, gitSha1 }]) => {
    const entry: Entry = {
      type: "file",
      path,
      size,
      oid: gitSha1,
      ...(size >= 1000 ? { lfs: { oid: sha256, size } } : {}),
    };
    return path === also ? entry : change(entry);
  });
  onList(lab, (_request, res) => res.end(JSON.stringify(entries)));
}

function redirect(res: ServerResponse, location: string): void {
  res.writeHead(302, { location }).end();
}

/** Sends without an end, as fast as it is read. */
function pour(res: ServerResponse): void {
  const more = () => {
    while (!res.destroyed && res.write(Buffer.alloc(2 ** 16, 32)));
  };
  res.on("drain", more);
  more();
}

function pick(random: () => number, count: number): number {
  return Math.floor(random() * count);
}
