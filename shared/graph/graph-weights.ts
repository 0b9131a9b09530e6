/** The weights that one graph takes: where each lies, and that the file holds what the graph wants. */
import { relative, sep } from "node:path";
import { InvalidModel } from "@armature/core";
import { rowsOf, type SafetensorsDtype, type WeightPlace, type WeightView } from "@armature/weights";
import type { Dtype, Initializer } from "./onnx.js";

/** Rows of a weight, from the one at `start` to the one before `end`. */
export interface RowRange {
  start: number;
  end: number;
}

/** A weight as its file holds it. */
interface StoredWeight {
  initializer: Initializer;
  /** The file holds the weight with its two axes swapped. */
  transposed: boolean;
}

/** Values that are not a tensor of numbers cannot be weights of a layer. */
const WEIGHT_DTYPES: Partial<Record<SafetensorsDtype, Dtype>> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

export class GraphWeights {
  /** Keys of the weights that were taken. */
  readonly keys = new Set<string>();
  private readonly names = new Set<string>();

  constructor(private readonly view: WeightView) {}

  has(key: string): boolean {
    return this.view.tensors.has(key);
  }

  /** The byte range of a weight, or of some of its rows. Throws InvalidModel for a weight that is missing, misfit or taken twice. */
  take(key: string, shape: readonly number[], rows?: RowRange): StoredWeight {
    const { name: file } = this.view;
    const found = this.locate(key, shape);
    const name = rows ? `${key}[${rows.start}:${rows.end}]` : key;
    const wanted = rows ? [rows.end - rows.start, ...shape.slice(1)] : shape;
    if (rows && found.transposed) throw new InvalidModel(`${file}: ${key} is transposed: its rows do not lie together`);
    if (this.names.has(name)) throw new InvalidModel(`${file}: ${name} is used twice in one graph`);
    this.names.add(name);
    this.keys.add(key);
    const place = rows ? rowsOf(found, rows.start, rows.end) : found;
    const transposed = found.transposed === true;
    return { initializer: this.initializer(name, place, transposed ? wanted.toReversed() : wanted), transposed };
  }

  private initializer(name: string, place: WeightPlace, shape: readonly number[]): Initializer {
    const { dtype: stored, file, offset, length } = place;
    const dtype = WEIGHT_DTYPES[stored];
    if (!dtype) throw new InvalidModel(`${this.view.name}: ${name} holds ${stored}; F32, F16 or BF16 was expected`);
    const location = relative(this.view.folder, file).replaceAll(sep, "/");
    return { name, dtype, shape, data: { location, offset, length } };
  }

  private locate(key: string, shape: readonly number[]): WeightPlace {
    const { name, tensors, supply } = this.view;
    const found = tensors.get(key) ?? supply?.(key, shape);
    if (!found) throw new InvalidModel(`${name}: ${key} is missing; the graph wants [${shape.join(", ")}]`);
    const held = found.transposed ? found.shape.toReversed() : found.shape;
    if (sameShape(held, shape)) return found;
    const misfit = `the graph wants [${shape.join(", ")}], the file holds [${held.join(", ")}]`;
    throw new InvalidModel(`${name}: ${key}: ${misfit}`);
  }
}

/** Equal sizes; trailing ones do not count, so that a 1x1 convolution's weight serves as a matrix. */
function sameShape(found: readonly number[], wanted: readonly number[]): boolean {
  const length = Math.max(found.length, wanted.length);
  return Array.from({ length }, (_, axis) => (found[axis] ?? 1) === (wanted[axis] ?? 1)).every(Boolean);
}
