/** Writes an ONNX ModelProto. Field numbers: onnx/onnx.proto (IR version 10). */
import type { Dim } from "./dim.js";

export type Dtype = keyof typeof DATA_TYPES;

export type Attribute = number | string | readonly number[] | { float: number } | { floats: readonly number[] };

export interface Node {
  op: string;
  domain: string;
  name: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Readonly<Record<string, Attribute>>;
}

/** A tensor of the file: bytes in the model, or a byte range of a file beside it. */
export interface Initializer {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
  data: Uint8Array | { location: string; offset: number; length: number };
}

export interface GraphPort {
  name: string;
  dtype: Dtype;
  shape: readonly Dim[];
}

export interface Graph {
  name: string;
  nodes: readonly Node[];
  initializers: readonly Initializer[];
  inputs: readonly GraphPort[];
  outputs: readonly GraphPort[];
  /** Version of the ai.onnx operators. */
  opset: number;
}

const DATA_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10, bfloat16: 16 } as const;
const EXTERNAL = 1;
const ATTRIBUTE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;
const IR_VERSION = 10;
/** The first with the Attention operator. */
export const NEWEST_OPSET = 23;

export function dataType(dtype: Dtype): number {
  return DATA_TYPES[dtype];
}

/** The bytes of a model with one graph; the same graph gives the same bytes. */
export function encodeModel(graph: Graph): Uint8Array {
  const model = new Message();
  model.varint(1, IR_VERSION);
  model.string(2, "armature");
  model.message(7, encodeGraph(graph));
  const opsets = [
    { domain: "", version: graph.opset },
    { domain: "com.microsoft", version: 1 },
  ];
  for (const { domain, version } of opsets) {
    const opset = new Message();
    opset.string(1, domain);
    opset.varint(2, version);
    model.message(8, opset);
  }
  return model.bytes();
}

function encodeGraph(graph: Graph): Message {
  const message = new Message();
  for (const node of graph.nodes) message.message(1, encodeNode(node));
  message.string(2, graph.name);
  for (const initializer of graph.initializers) message.message(5, encodeTensor(initializer));
  for (const input of graph.inputs) message.message(11, encodePort(input));
  for (const output of graph.outputs) message.message(12, encodePort(output));
  return message;
}

function encodeNode(node: Node): Message {
  const message = new Message();
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(3, node.name);
  message.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) message.message(5, encodeAttribute(name, value));
  message.string(7, node.domain);
  return message;
}

function encodeAttribute(name: string, value: Attribute): Message {
  const message = new Message();
  message.string(1, name);
  if (typeof value === "number") {
    message.varint(3, value);
    message.varint(20, ATTRIBUTE.int);
  } else if (typeof value === "string") {
    message.string(4, value);
    message.varint(20, ATTRIBUTE.string);
  } else if ("float" in value) {
    message.float(2, value.float);
    message.varint(20, ATTRIBUTE.float);
  } else if ("floats" in value) {
    for (const item of value.floats) message.float(7, item);
    message.varint(20, ATTRIBUTE.floats);
  } else {
    for (const item of value) message.varint(8, item);
    message.varint(20, ATTRIBUTE.ints);
  }
  return message;
}

function encodeTensor({ name, dtype, shape, data }: Initializer): Message {
  const message = new Message();
  for (const size of shape) message.varint(1, size);
  message.varint(2, DATA_TYPES[dtype]);
  message.string(8, name);
  if (data instanceof Uint8Array) {
    message.blob(9, data);
    return message;
  }
  for (const [key, value] of Object.entries(data)) {
    const entry = new Message();
    entry.string(1, key);
    entry.string(2, String(value));
    message.message(13, entry);
  }
  message.varint(14, EXTERNAL);
  return message;
}

function encodePort({ name, dtype, shape }: GraphPort): Message {
  const dims = new Message();
  for (const dim of shape) {
    const entry = new Message();
    if (typeof dim === "number") entry.varint(1, dim);
    else entry.string(2, dim);
    dims.message(1, entry);
  }
  const tensor = new Message();
  tensor.varint(1, DATA_TYPES[dtype]);
  tensor.message(2, dims);
  const type = new Message();
  type.message(1, tensor);
  const message = new Message();
  message.string(1, name);
  message.message(2, type);
  return message;
}

/** One protobuf message under construction: fields are appended, lengths are known when it is closed. */
class Message {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  varint(field: number, value: number): void {
    this.tag(field, 0);
    this.push(encodeVarint(value));
  }

  float(field: number, value: number): void {
    this.tag(field, 5);
    this.push(new Uint8Array(new Float32Array([value]).buffer));
  }

  string(field: number, value: string): void {
    this.blob(field, Buffer.from(value, "utf8"));
  }

  blob(field: number, value: Uint8Array): void {
    this.tag(field, 2);
    this.push(encodeVarint(value.length));
    this.push(value);
  }

  message(field: number, value: Message): void {
    this.tag(field, 2);
    this.push(encodeVarint(value.length));
    // not spread: a large graph has more parts than a call may have arguments
    for (const part of value.parts) this.parts.push(part);
    this.length += value.length;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.parts, this.length);
  }

  private tag(field: number, wireType: number): void {
    this.push(encodeVarint(field * 8 + wireType));
  }

  private push(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }
}

/** Base 128, least group first; negative numbers as 64-bit two's complement. */
function encodeVarint(value: number): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const group = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? group | 0x80 : group);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}
