/** What ControlNets add to the UNet's skip connections and to its middle: arXiv:2302.05543, figure 3. */
import { type FeatureMap, type MapPort, optionalMap, type Value } from "@armature/graph";
import type { EncoderConfig } from "../unet-config.js";

/** By name: the skips from fine to coarse, then the middle. Without a ControlNet none is given. */
export function residualPorts(c: EncoderConfig): Record<string, MapPort> {
  const channels = residualChannels(c);
  return Object.fromEntries(residualNames(c).map((name, i) => [name, optionalMap(channels[i]!)]));
}

/** The residuals of the ControlNets before this one, which adds its own: so any number of nets chain. */
export function previousPorts(c: EncoderConfig): Record<string, MapPort> {
  return named(residualPorts(c), previousName);
}

/** The residuals among the inputs that are given to a UNet. */
export function residualsOf<T>(given: Readonly<Record<string, T>>, c: EncoderConfig): Record<string, T> {
  const names = residualNames(c).filter((name) => name in given);
  return Object.fromEntries(names.map((name) => [name, given[name]!]));
}

/** What one ControlNet gave, as the next one takes it. */
export function asPrevious<T>(residuals: Readonly<Record<string, T>>): Record<string, T> {
  return named(residuals, previousName);
}

/** `down_residual_0`, ..., `mid_residual`. */
export function residualNames(c: EncoderConfig): string[] {
  const count = residualChannels(c).length;
  return Array.from({ length: count }, (_, i) => (i < count - 1 ? `down_residual_${i}` : "mid_residual"));
}

/** The one residual that the shallow UNet takes. */
export function firstResidualPort(c: EncoderConfig): Record<string, MapPort> {
  const name = residualNames(c)[0]!;
  return { [name]: residualPorts(c)[name]! };
}

/** A skip connection, or the middle, with the residual that was given for it. */
export function addResidual(map: FeatureMap, given: Value): FeatureMap {
  return optionalMap(map.channels).addTo(map, given);
}

/** The channels of each. */
function residualChannels(c: EncoderConfig): number[] {
  const first = c.levels[0]!.channels;
  const last = c.levels.length - 1;
  const skips = c.levels.flatMap(({ channels }, i) =>
    Array<number>(c.layersPerLevel + (i < last ? 1 : 0)).fill(channels),
  );
  return [first, ...skips, c.levels[last]!.channels];
}

const previousName = (name: string) => `previous_${name}`;

function named<T>(entries: Readonly<Record<string, T>>, nameOf: (name: string) => string): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [nameOf(name), value]));
}
