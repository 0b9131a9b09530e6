/** Docker as a container engine. */
import { join } from "node:path";
import { output, run, succeeds } from "./command.js";
import type { ContainerEngine } from "./container-engine.js";

export const docker: ContainerEngine = {
  name: "docker",

  build({ context, dockerfile, target, tag, buildArgs }) {
    const settings = Object.entries(buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
    const stage = target ? ["--target", target] : [];
    run("docker", ["build", "--file", dockerfile, ...stage, "--tag", tag, ...settings, context], {
      DOCKER_BUILDKIT: "1",
    });
  },

  has: (image) => succeeds("docker", ["image", "inspect", image]),

  save(image, folder) {
    const archive = join(folder, "image.tar");
    output("docker", ["save", "--output", archive, image]);
    output("tar", ["--extract", "--file", archive, "--directory", folder]);
  },

  container(image, { env, mounts = {}, args = [] }) {
    const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    const volumes = Object.entries(mounts).flatMap(([from, to]) => ["--volume", `${from}:${to}:ro`]);
    const guarded = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "host"];
    const memory = ["--tmpfs", "/tmp", "--tmpfs", "/cache:uid=65532,gid=65532"];
    return {
      program: "docker",
      args: ["run", "--rm", ...guarded, ...memory, ...variables, ...volumes, image, ...args],
      release() {},
    };
  },
};
