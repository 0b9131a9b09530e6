/** Runs other programs. */
import { execFileSync, spawnSync } from "node:child_process";

/** What a program prints, trimmed. Throws, with its standard error, if it fails. */
export function output(program: string, args: string[]): string {
  return execFileSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 26,
  }).trim();
}

/** Runs a program in the foreground. Throws if it fails. */
export function run(program: string, args: string[], env: Record<string, string> = {}): void {
  const { status, error } = spawnSync(program, args, { stdio: "inherit", env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args[0]}: exit code ${status}`);
}

/** Whether the program is there and succeeds. */
export function succeeds(program: string, args: string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
