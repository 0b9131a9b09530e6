/** The table of adapters, by the kind of component that each one's weights are. A new one is a file of its own and a row here. */
import { familyOf, type ModelConfigs } from "../families/index.js";
import type { AdapterDefinition } from "./adapter.js";
import { controlNetAdapter } from "./controlnet.js";

const ADAPTERS = { controlnet: controlNetAdapter };

type Table = typeof ADAPTERS;
type AdapterKind = keyof Table;

/** An adapter of a request by its kind: plain JSON. */
export type Adapter = {
  [Kind in AdapterKind]: { kind: Kind } & (Table[Kind] extends AdapterDefinition<infer Spec, infer _> ? Spec : never);
}[AdapterKind];

type ConfigOf<Kind extends AdapterKind> = Parameters<Table[Kind]["fits"]>[0];

/** What the table says of a request's adapter. */
export const adapterDefinition = ({ kind }: Adapter) =>
  ADAPTERS[kind] as AdapterDefinition<Adapter, ConfigOf<AdapterKind>>;

/** Whether a model takes an adapter with this config: its family takes the kind, and it was made for these shapes. */
export function takesAdapter<Kind extends AdapterKind>(
  model: Pick<ModelConfigs, "unet"> & { family: string },
  kind: Kind,
  config: ConfigOf<Kind>,
): boolean {
  return familyOf(model.family).adapters.includes(kind) && ADAPTERS[kind].fits(config, model);
}
