/** Finds the container engine that is installed. */
import { existsSync } from "node:fs";
import { buildah } from "./buildah.js";
import { succeeds } from "./command.js";
import type { ContainerEngine } from "./container-engine.js";
import { docker } from "./docker.js";

/** The engine that was asked for, or the first that works. Throws if none does. */
export function findEngine(name?: string): ContainerEngine {
  const engine = [docker, buildah].find((candidate) => candidate.name === (name ?? candidate.name) && works(candidate));
  if (engine) return engine;
  throw new Error(
    `no container engine: ${name ?? "neither docker nor buildah"} works here; on Debian: apt-get install buildah`,
  );
}

function works({ name }: ContainerEngine): boolean {
  if (name === "docker") return succeeds("docker", ["info"]);
  return process.getuid?.() === 0 && existsSync("/usr/sbin/chroot") && succeeds("buildah", ["--version"]);
}
