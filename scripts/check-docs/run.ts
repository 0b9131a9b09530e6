/** Runs one command as a shell does, in the project's folder. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "@armature/core";

/** What no command of the documentation may take in its short form. */
const TIMEOUT_MS = 60_000;

const BUILD = /^npm run --silent build && (exec )?/;

/** Where packages put their programs, as npm has it for the scripts of package.json. */
const PROGRAMS = join(ROOT, "node_modules/.bin");

export interface Ended {
  /** Undefined where it ended well. */
  fault: string | undefined;
  stdout: string;
}

export function run(command: string, env: Record<string, string>): Promise<Ended> {
  const options = {
    cwd: ROOT,
    env: { ...process.env, PATH: `${PROGRAMS}:${process.env.PATH}`, ...env },
    timeout: TIMEOUT_MS,
    maxBuffer: 64e6,
  };
  return new Promise((resolve) => {
    execFile("bash", ["-c", command], options, (error, stdout, stderr) => {
      const how = error?.killed ? `took more than ${TIMEOUT_MS / 1000} s` : `ended with ${error?.code}`;
      resolve({ fault: error ? `${how}\n${stderr || stdout}`.trim() : undefined, stdout });
    });
  });
}

/** The command with npm's script in its place, so that what is built already is not built once more for each command. */
export function withoutBuild(command: string, scripts: Record<string, string>): string {
  const [shown, name, , options = ""] = /npm (?:run )?([\w:-]+)( -- (.*))?$/s.exec(command) ?? [];
  const script = name && scripts[name];
  return script ? command.replace(shown!, () => `${script.replace(BUILD, "")} ${options}`.trim()) : command;
}
