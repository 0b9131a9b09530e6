/** Which of the served adapters a type means: of several, the one that was made for the model. */
import { type AdapterKind, takesAdapter } from "../adapters/index.js";
import type { Served, ServedAdapter, ServedModel } from "./served.js";

/** The adapter that a request of this model gets for a type, or for the id of one; undefined where none fits. */
export const adapterFor = <Kind extends AdapterKind>(
  kind: Kind,
  type: string,
  { served, model }: { served: Pick<Served, "adapters">; model: ServedModel },
): ServedAdapter<Kind> | undefined =>
  adaptersNamed(kind, type, served).find(({ config }) => takesAdapter(model, kind, config));

/** Those of a type, in the order in which they are served; or the one of this id. */
export function adaptersNamed<Kind extends AdapterKind>(
  kind: Kind,
  type: string,
  served: Pick<Served, "adapters">,
): ServedAdapter<Kind>[] {
  const all = adaptersOfKind(kind, served);
  const ofType = all.filter((adapter) => adapter.type === type);
  return ofType.length > 0 ? ofType : all.filter(({ id }) => id === type);
}

/** In the order in which they are served. */
export const adaptersOfKind = <Kind extends AdapterKind>(
  kind: Kind,
  { adapters }: Pick<Served, "adapters">,
): ServedAdapter<Kind>[] =>
  adapters.filter((adapter): adapter is ServedAdapter<Kind> & ServedAdapter => adapter.kind === kind);
