/** What the scripts ask of Docker or of buildah, whichever is there. */

export interface BuildOptions {
  /** Folder of the sources. */
  context: string;
  dockerfile: string;
  target?: string;
  tag: string;
  buildArgs: Record<string, string>;
}

export interface RunOptions {
  env: Record<string, string>;
  /** Folder of this machine → where the container sees it, read-only. */
  mounts?: Record<string, string>;
  /** Arguments of the entry point, instead of the image's own. */
  args?: string[];
}

/** A command in the foreground: SIGTERM reaches the container's process, whose exit code it ends with. */
interface ContainerCommand {
  program: string;
  args: string[];
  /** Frees what the command held; called when the command has ended. */
  release(): void;
}

export interface ContainerEngine {
  name: "docker" | "buildah";
  build(options: BuildOptions): void;
  has(image: string): boolean;
  /** Writes the image as an OCI layout into an empty folder. */
  save(image: string, folder: string): void;
  /**
   * A container with a read-only root, memory as /tmp and /cache, the image's user, and this machine's network: what the
   * service listens on is reached at 127.0.0.1.
   */
  container(image: string, options: RunOptions): ContainerCommand;
}
