/** Where the weights of a component lie: each key of its official layout, with its place in a file. Points at bytes, reads none. */
import { basename, dirname, relative, sep } from "node:path";
import { InvalidModel } from "@armature/core";
import type { SafetensorsHeader, TensorLocation } from "./safetensors.js";

/** Where one weight lies. Rows of a larger tensor are a place of their own: `rowsOf`. */
export interface WeightPlace extends TensorLocation {
  file: string;
  /** The file holds the matrix with its axes exchanged: [in, out], where a layer wants [out, in]. */
  transposed?: boolean;
}

export interface WeightView {
  /** Name in messages: the file, or the folder that holds several. */
  name: string;
  /** Holds every file, at any depth: the runtime reads nothing outside it. */
  folder: string;
  tensors: ReadonlyMap<string, WeightPlace>;
  /** Gives a place for each key that `tensors` lacks: for those who ask which tensors a network wants. */
  supply?(key: string, shape: readonly number[]): WeightPlace;
}

/** The tensors of one file, or of several that share them, under the names that the files give them. */
export function weightView(headers: readonly SafetensorsHeader[]): WeightView {
  const tensors = new Map<string, WeightPlace>();
  for (const { file, tensors: found } of headers) {
    for (const [key, location] of found) {
      const known = tensors.get(key);
      if (known) throw new InvalidModel(`${file}: ${key} is in ${basename(known.file)} too`);
      tensors.set(key, { ...location, file });
    }
  }
  const files = headers.map(({ file }) => file);
  const folder = commonFolder(files);
  return { name: files.length === 1 ? files[0]! : folder, folder, tensors };
}

/** A view of nothing, for graphs without weights. */
export function noWeights(name: string): WeightView {
  return { name, folder: ".", tensors: new Map() };
}

/** Rows `start` to `end`, counted along the first axis that the file has. */
export function rowsOf(place: WeightPlace, start: number, end: number): WeightPlace {
  const [rows = 1, ...rest] = place.shape;
  const rowBytes = place.length / rows;
  return {
    ...place,
    shape: [end - start, ...rest],
    offset: place.offset + start * rowBytes,
    length: (end - start) * rowBytes,
  };
}

/** The files that a view points into, in the order of their names. */
export function filesOf({ tensors }: Pick<WeightView, "tensors">): string[] {
  return [...new Set([...tensors.values()].map(({ file }) => file))].sort();
}

/** What all tensors take in float32, in bytes. */
export function float32Bytes({ tensors }: Pick<WeightView, "tensors">): number {
  return [...tensors.values()].reduce(
    (total, { shape }) => total + shape.reduce((product, size) => product * size, 4),
    0,
  );
}

function commonFolder(files: readonly string[]): string {
  return files.map(dirname).reduce((folder, other) => {
    let common = folder;
    while (relative(common, other).split(sep)[0] === "..") common = dirname(common);
    return common;
  });
}
