/** The table of adapters, by the kind of component that each one's weights are. A new one is a file of its own and a row here. */
import type { Tensors } from "@armature/runtime";
import type { ServedFacts } from "../facts/served-facts.js";
import { familyOf, type ModelConfigs } from "../families/index.js";
import type { AdapterDefinition, AdapterTools, AttachedAdapter } from "./adapter.js";
import { controlNetAdapter } from "./controlnet.js";

/** All kinds by their names in NETWORKS. */
export const ADAPTERS = { controlnet: controlNetAdapter };

type Table = typeof ADAPTERS;
export type AdapterKind = keyof Table;

type SpecOf<Kind extends AdapterKind> = Table[Kind] extends AdapterDefinition<infer Spec, infer _> ? Spec : never;

/** What the folders of a kind are configured with. */
export type AdapterConfig<Kind extends AdapterKind> = ReturnType<Table[Kind]["weights"]["read"]>;

/** An adapter of a request by its kind: plain JSON. */
export type Adapter = { [Kind in AdapterKind]: { kind: Kind } & SpecOf<Kind> }[AdapterKind];

/** For what is done for each of them. */
export const ADAPTER_KINDS = Object.keys(ADAPTERS) as AdapterKind[];

/** A value for each kind. */
export const byKind = <T>(of: (kind: AdapterKind) => T): Record<AdapterKind, T> =>
  Object.fromEntries(ADAPTER_KINDS.map((kind) => [kind, of(kind)])) as Record<AdapterKind, T>;

/** What the table says of a kind, for adapters and configs that are known to be of that kind. */
const definitionOf = (kind: AdapterKind) =>
  ADAPTERS[kind] as unknown as AdapterDefinition<Adapter, AdapterConfig<AdapterKind>>;

/** What the table says of a request's adapter. */
export const adapterDefinition = ({ kind }: Adapter) => definitionOf(kind);

/** A request's adapter in a run, with what was prepared for it. */
export function attachAdapter(
  adapter: Adapter,
  prepared: Tensors,
  tools: AdapterTools & ServedFacts,
): Promise<AttachedAdapter> {
  // the row of its kind has read the config
  const config = tools.adapterConfig(adapter.component) as AdapterConfig<AdapterKind>;
  return adapterDefinition(adapter).attach(adapter, { config, prepared }, tools);
}

/** Whether a model takes an adapter with this config: its family takes the kind, and it was made for these shapes. */
export function takesAdapter<Kind extends AdapterKind>(
  model: { family: string; configs: Pick<ModelConfigs, "unet"> },
  kind: Kind,
  config: AdapterConfig<Kind>,
): boolean {
  return familyOf(model.family).adapters.includes(kind) && definitionOf(kind).fits(config, model.configs);
}
