/** Writes files of a layer below a folder, so that the same input gives the same bytes, modes and times. */
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

const PROGRAM = 0o755;
const DATA = 0o644;

export class LayerFolder {
  constructor(readonly root: string) {
    mkdirSync(root, { recursive: true });
  }

  copy(source: string, path: string, { program = false } = {}): void {
    copyFileSync(source, this.#prepare(path));
    chmodSync(join(this.root, path), program ? PROGRAM : DATA);
  }

  write(path: string, text: string): void {
    writeFileSync(this.#prepare(path), text, { mode: DATA });
  }

  link(path: string, target: string): void {
    symlinkSync(target, this.#prepare(path));
  }

  /** An empty folder; `mode` as in chmod. */
  folder(path: string, mode: number): void {
    mkdirSync(this.#prepare(path));
    chmodSync(join(this.root, path), mode);
  }

  /** Gives everything the same time; call it last. */
  stamp(epochSeconds: number): void {
    stampTree(this.root, epochSeconds);
  }

  #prepare(path: string): string {
    const target = join(this.root, path);
    mkdirSync(dirname(target), { recursive: true, mode: PROGRAM });
    return target;
  }
}

function stampTree(path: string, epochSeconds: number): void {
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) stampTree(join(path, name), epochSeconds);
  lutimesSync(path, epochSeconds, epochSeconds);
}
