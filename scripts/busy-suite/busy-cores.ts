/** Processes that do nothing but keep the cores busy, and that surely end with the process that started them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** The program of one busy core: it computes in slices, and ends between two of them when its parent is gone. */
const SPIN = `
process.once("disconnect", () => process.exit());
process.send("spinning");
(function spin() {
  const until = performance.now() + 20;
  while (performance.now() < until);
  setImmediate(spin);
})();`;

interface BusyCores {
  pids: number[];
  stop(): Promise<void>;
}

/** Starts one spinning process per core of `count`; resolves when each of them spins. */
export async function keepBusy(count: number): Promise<BusyCores> {
  const spinners = Array.from({ length: count }, () =>
    spawn(process.execPath, ["-e", SPIN], { stdio: ["ignore", "ignore", "inherit", "ipc"] }),
  );
  await Promise.all(spinners.map((spinner) => once(spinner, "message")));
  return {
    pids: spinners.map(({ pid }) => pid!),
    stop: async () => void (await Promise.all(spinners.map(end))),
  };
}

async function end(spinner: ChildProcess): Promise<void> {
  if (spinner.exitCode !== null || spinner.signalCode !== null) return;
  spinner.kill("SIGKILL");
  await once(spinner, "exit");
}
