/** buildah as a container engine, as root, where no Docker daemon can run: it builds, and the built root is entered by chroot. */
import { z } from "zod";
import { output, run, succeeds } from "./command.js";
import type { ContainerEngine } from "./container-engine.js";

const Inspected = z.object({
  Docker: z.object({
    config: z.object({
      User: z.string(),
      Env: z.array(z.string()),
      Entrypoint: z.array(z.string()),
      Cmd: z.array(z.string()).nullable(),
    }),
  }),
});

/** $1 is the root; `FROM TO` pairs of mounts follow, then `--` and the command. */
const ENTER = `set -e
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,ro,bind "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o uid=65532,gid=65532 tmpfs "$root/cache"
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; mount -o remount,ro,bind "$root$2"; shift 2; done
shift
exec "$@"`;

export const buildah: ContainerEngine = {
  name: "buildah",

  build({ context, dockerfile, target, tag, buildArgs }) {
    const settings = Object.entries(buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
    const stage = target ? ["--target", target] : [];
    // the docker format, because OCI's has no health check; a base that is here is not looked for elsewhere
    const format = ["--layers", "--format", "docker", "--pull=false"];
    run("buildah", ["bud", ...format, "--file", dockerfile, ...stage, "--tag", tag, ...settings, context], {
      BUILDAH_ISOLATION: process.env.BUILDAH_ISOLATION ?? "chroot",
    });
  },

  has: (image) => succeeds("buildah", ["inspect", "--type", "image", image]),

  save(image, folder) {
    output("buildah", ["push", "--quiet", image, `oci:${folder}`]);
  },

  container(image, { env, mounts = {}, args }) {
    const { User, Env, Entrypoint, Cmd } = Inspected.parse(
      JSON.parse(output("buildah", ["inspect", "--type", "image", image])),
    ).Docker.config;
    const container = output("buildah", ["from", "--pull-never", image]);
    const root = output("buildah", ["mount", container]);
    const variables = [...Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
    const command = [...Entrypoint, ...(args ?? Cmd ?? [])];
    const entered = ["/usr/bin/env", "-i", ...variables, "/usr/sbin/chroot", `--userspec=${User}`, root, ...command];
    return {
      program: "unshare",
      args: ["--mount", "bash", "-c", ENTER, "enter", root, ...Object.entries(mounts).flat(), "--", ...entered],
      release: () => void output("buildah", ["rm", container]),
    };
  },
};
