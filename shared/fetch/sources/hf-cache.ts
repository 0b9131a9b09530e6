/**
 * The cache of the Python library (its published layout: docs of huggingface_hub, "local cache"): blobs named by their hash,
 * snapshots that link to them. What it holds need not be downloaded again; it is hashed like everything else.
 */
import { readFile, readlink, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { unlessVanished } from "@armature/core";
import { hashNamed, SHA1_HEX } from "../file-hash.js";
import { filesBelow } from "../files-below.js";
import { isRepositoryId } from "../names-on-disk.js";
import { refuseLfsPointer } from "../weight-file-checks.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { readLocalFile } from "./local-directory.js";
import type { ByteRange, ByteSink, FileAddress, Listing, RemoteFile, WeightSource } from "./source.js";

export class HuggingFaceCache implements WeightSource {
  readonly name: string;
  readonly isLocal = true;

  constructor(private readonly dir: string) {
    this.name = `the Hugging Face cache ${dir}`;
  }

  /** What the cached snapshot of a revision holds: perhaps a part of the repository only. */
  async list(repository: string, revision: string): Promise<Listing> {
    const folder = this.#folder(repository);
    const commit = SHA1_HEX.test(revision) ? revision : await readText(join(folder, "refs", ...revision.split("/")));
    const snapshot = join(folder, "snapshots", commit ?? "none");
    const files: RemoteFile[] = [];
    for (const entry of await filesBelow(snapshot)) {
      const path = join(entry.parentPath, entry.name);
      const found = await stat(path).catch(() => undefined);
      const link = entry.isSymbolicLink() ? await unlessVanished(readlink(path)) : "";
      if (!found?.isFile() || link === undefined) continue;
      const blob = basename(link);
      files.push({ path: relative(snapshot, path).split(sep).join("/"), size: found.size, hash: hashNamed(blob) });
    }
    if (files.length > 0) return { repository, commit, files, repositoryBytes: undefined };
    throw new WeightsUnavailable("missing-repository", `${this.name} holds nothing of ${repository} at ${revision}`);
  }

  /** True if the file's bytes seem to be here: by blob name, or by snapshot where the hash is not the blob's name. */
  async has(file: FileAddress): Promise<boolean> {
    return (await this.#find(file)) !== undefined;
  }

  async read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const path = await this.#find(file);
    if (!path)
      throw new WeightsUnavailable("missing-file", `${this.name} does not hold ${file.repository}/${file.path}`);
    await refuseLfsPointer(path, file.path, path);
    await readLocalFile(path, range, sink, signal);
  }

  async close(): Promise<void> {}

  async #find({ repository, commit, path, size, hash }: FileAddress): Promise<string | undefined> {
    const folder = this.#folder(repository);
    const blob = hash?.sha256 ?? hash?.gitSha1;
    const places = [
      ...(blob ? [join(folder, "blobs", blob)] : []),
      ...(commit ? [join(folder, "snapshots", commit, ...path.split("/"))] : []),
    ];
    for (const place of places) {
      const found = await stat(place).catch(() => undefined);
      if (found?.isFile() && found.size === size) return place;
    }
    return undefined;
  }

  #folder(repository: string): string {
    if (!isRepositoryId(repository))
      throw new WeightsUnavailable("missing-repository", `${repository} is no repository name`);
    return join(this.dir, `models--${repository.replace("/", "--")}`);
  }
}

async function readText(path: string): Promise<string | undefined> {
  return (await readFile(path, "utf8").catch(() => undefined))?.trim();
}
