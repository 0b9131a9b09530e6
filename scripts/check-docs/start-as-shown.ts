/** `npm start` as a reader runs it, for the requests that the documentation shows, and for those that it prints itself. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { builtFile, ROOT } from "@armature/core";

/** Addresses that the documentation gives the services. */
const SHOWN = { diffusion: "http://127.0.0.1:1111", preprocessor: "http://127.0.0.1:2222" };

/** The last line that it prints once both services listen. */
const READY = "Ctrl-C stops both.";

interface Started {
  /** What it prints, with the addresses that the documentation has. */
  output: string;
  /** A command that asks the addresses of the documentation, asking these services. */
  here(command: string): string;
  stop(): Promise<void>;
}

export async function startAsShown(env: Record<string, string>): Promise<Started> {
  const child = spawn(process.execPath, [builtFile("scripts/dist/start.js")], {
    cwd: ROOT,
    env: { ...process.env, ...env, PREPROCESSOR_PORT: "0", DIFFUSION_PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  for await (const text of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    printed += text;
    if (printed.includes(READY)) break;
  }
  child.stdout.resume();
  const diffusion = addressOf("diffusion", printed);
  const preprocessor = addressOf("preprocessor", printed);
  return {
    output: printed.replaceAll(diffusion, SHOWN.diffusion).replaceAll(preprocessor, SHOWN.preprocessor),
    here: (command) => command.replaceAll(SHOWN.diffusion, diffusion).replaceAll(SHOWN.preprocessor, preprocessor),
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function addressOf(name: string, printed: string): string {
  const [, url] = new RegExp(`^ *${name} +(http\\S+)`, "m").exec(printed) ?? [];
  if (!url) throw new Error(`npm start ended before it told where the ${name} service listens: ${printed}`);
  return url;
}
