/** The prompt as UNet and ControlNets take it: keys and values of each cross-attention layer, which no step changes. */
import { type Dim, handedTensor, type Port, reshape, type Scope, type Tokens, type Value } from "@armature/graph";
import type { EncoderConfig, UNetConfig } from "../unet-config.js";

/** What attention looks at. */
export interface KeyValue {
  key: Tokens; // (B, S, D)
  value: Tokens; // (B, S, D)
}

/** What was given for each cross-attention layer. */
export type GivenPrompt = Readonly<Record<string, Value>>;

/** A layer that attends to the prompt: the scope of its weights, and the width of its keys and values. */
export interface CrossAttention {
  path: string;
  width: number;
}

/** Key and value of each layer, [B, S, width]; the network of the prompt projections gives them. */
export function promptPorts(layers: readonly CrossAttention[]): Record<string, Port<Value>> {
  const ports = layers.flatMap(({ path, width }) =>
    Object.values(keyValueNames(path)).map((name) => [name, handedTensor(["B", "S", width])] as const),
  );
  return Object.fromEntries(ports);
}

/** What the layer at `g` attends to. */
export function givenKeyValue(g: Scope, prompt: GivenPrompt): KeyValue {
  const names = keyValueNames(g.path);
  return { key: asTokens(prompt[names.key]!), value: asTokens(prompt[names.value]!) };
}

/** What the projections give for one layer. */
export function* giveKeyValue({ path }: CrossAttention, { key, value }: KeyValue): Generator<[string, Value]> {
  const names = keyValueNames(path);
  yield [names.key, asSequence(key)];
  yield [names.value, asSequence(value)];
}

/** The keys and values that these layers take, of all that were given. */
export function promptOf<T>(given: Readonly<Record<string, T>>, layers: readonly CrossAttention[]): Record<string, T> {
  return Object.fromEntries(Object.keys(promptPorts(layers)).map((name) => [name, given[name]!]));
}

/** The layers of the contracting half and the middle, in the order of the network. */
export function encoderCrossAttention(c: EncoderConfig): CrossAttention[] {
  const down = c.levels.flatMap(({ channels, transformerLayers }, i) =>
    blockLayers(`down_blocks.${i}`, { width: channels, blocks: c.layersPerLevel, layers: transformerLayers }),
  );
  const width = c.levels.at(-1)!.channels;
  return [...down, ...blockLayers("mid_block", { width, blocks: 1, layers: c.midTransformerLayers })];
}

/** The layers of the whole UNet. */
export function unetCrossAttention(c: UNetConfig): CrossAttention[] {
  return [...encoderCrossAttention(c), ...c.upAttends.flatMap((_, i) => upCrossAttention(c, i))];
}

/** The layers of the UNet's last block and layer of the way up. */
export function lastCrossAttention(c: UNetConfig): CrossAttention[] {
  const last = c.upAttends.length - 1;
  const layer = `up_blocks.${last}.attentions.${c.layersPerLevel}.`;
  return upCrossAttention(c, last).filter(({ path }) => path.startsWith(layer));
}

/** Of block `i` on the way up, coarse to fine. */
function upCrossAttention(c: UNetConfig, i: number): CrossAttention[] {
  const { channels, transformerLayers } = c.levels[c.levels.length - 1 - i]!;
  if (!c.upAttends[i]) return [];
  // a level that attends on the way up only has as many as one that says nothing
  const layers = transformerLayers || 1;
  return blockLayers(`up_blocks.${i}`, { width: channels, blocks: c.layersPerLevel + 1, layers });
}

function blockLayers(block: string, { width, blocks, layers }: { width: number; blocks: number; layers: number }) {
  return Array.from({ length: blocks }, (_, j) =>
    Array.from({ length: layers }, (_, k) => ({
      path: `${block}.attentions.${j}.transformer_blocks.${k}.attn2`,
      width,
    })),
  ).flat();
}

/** Such as `mid_block.attentions.0.transformer_blocks.0.attn2.key`. */
function keyValueNames(path: string) {
  return { key: `${path}.key`, value: `${path}.value` };
}

function asTokens(sequence: Value): Tokens {
  const [batch, length, width] = sequence.shape as [Dim, Dim, number];
  return { value: reshape(sequence, [-1, width]), batch, length, width };
}

function asSequence({ value, batch, length, width }: Tokens): Value {
  return reshape(value, [batch, length, width]);
}
