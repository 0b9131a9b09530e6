/** Looks at the services while they are under load, from outside: memory of their processes, state of their queues. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { request } from "undici";

interface Watched {
  name: string;
  url: string;
  pid: number;
}

export interface Sample {
  /** Seconds since the sampling began. */
  atS: number;
  /** Resident bytes of the service's process and all its descendants. */
  memoryBytes: number;
  waiting: number;
  /** Jobs completed since the service's start. */
  completed: number;
}

/** Samples of each service, by its name. */
export type Samples = Record<string, Sample[]>;

const run = promisify(execFile);

/** Samples every `everyMs` until `stop`, which gives what was seen. A service that does not answer is left out that time. */
export function sampleServices(services: Watched[], everyMs: number): { stop(): Promise<Samples> } {
  const startedAt = performance.now();
  const samples: Samples = Object.fromEntries(services.map(({ name }) => [name, []]));
  let sampling = Promise.resolve();
  const sampleAll = async () => {
    const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,rss="]);
    const atS = (performance.now() - startedAt) / 1000;
    for (const { name, url, pid } of services) {
      const queue = await queueState(url).catch(() => undefined);
      if (queue) samples[name]!.push({ atS, memoryBytes: treeBytes(stdout, pid), ...queue });
    }
  };
  const timer = setInterval(() => {
    sampling = sampling.then(sampleAll);
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await sampling;
      return samples;
    },
  };
}

/** Resident bytes of `root` and all its descendants, from lines of `pid ppid rss`, rss in KiB. */
export function treeBytes(processes: string, root: number): number {
  const rows = processes
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [pid: number, parent: number, rssKib: number]);
  const tree = new Set([root]);
  let found = 0;
  while (found < tree.size) {
    found = tree.size;
    for (const [pid, parent] of rows) if (tree.has(parent)) tree.add(pid);
  }
  return rows.reduce((sum, [pid, , rssKib]) => sum + (tree.has(pid) ? rssKib * 1024 : 0), 0);
}

async function queueState(url: string): Promise<Pick<Sample, "waiting" | "completed">> {
  const { body } = await request(`${url}/metrics`, { headersTimeout: 5_000, bodyTimeout: 5_000 });
  const lines = (await body.text()).split("\n");
  const value = (start: string, label = "") =>
    Number(
      lines
        .find((line) => line.startsWith(start) && line.includes(label))
        ?.split(" ")
        .pop() ?? 0,
    );
  return { waiting: value("job_queue_depth{"), completed: value("jobs_total{", 'outcome="completed"') };
}
