/** What is loaded of whole models and adapters, from what is loaded of their networks. */
import type { Precision } from "@armature/contract";
import type { ResidentStatus } from "@armature/runtime";
import { residentKey } from "../facts/network-use.js";
import type { ServedNetwork } from "../served/component.js";
import { allWeights, type Served, type ServedWeights } from "../served/served.js";
import { usesOf } from "../served/served-networks.js";

export interface ComponentStatus extends ResidentStatus {
  /** Whether all of its networks are there. */
  complete: boolean;
}

/** A status for each model and adapter, in each precision, and for each network that only some requests use. */
export function componentStatuses(loaded: readonly ResidentStatus[], served: Served): ComponentStatus[] {
  return allWeights(served).flatMap((entry) => {
    const always = entry.networks.filter((network) => network.always);
    const sometimes = entry.networks.filter((network) => !network.always);
    return ([undefined, "int8"] as const).flatMap((precision) => [
      ...foldStatuses(loaded, { entry, precision, networks: always, key: componentKey(entry.id, precision) }),
      ...sometimes.flatMap((network) => {
        const key = componentKey(entry.id, precision, network.network);
        return foldStatuses(loaded, { entry, precision, networks: [network], key });
      }),
    ]);
  });
}

/** The status of a model or adapter that is loaded as a whole, in any precision. */
export function loadedStatus(id: string, loaded: readonly ComponentStatus[]): ComponentStatus | undefined {
  const keys = [componentKey(id, undefined), componentKey(id, "int8")];
  return loaded.find(({ key, complete }) => complete && keys.includes(key));
}

/** Under which a model, an adapter or one of its networks is reported, such as `tiny-sd (shallow UNet, int8)`. */
export function componentKey(id: string, precision: Precision | undefined, network?: string): string {
  const form = [...(network ? [network] : []), ...(precision === "int8" ? ["int8"] : [])];
  return form.length > 0 ? `${id} (${form.join(", ")})` : id;
}

interface PrecisionNetworks {
  entry: ServedWeights;
  precision: Precision | undefined;
  networks: ServedNetwork[];
  key: string;
}

/** None where no network that has the choice of a precision is there in this one. */
function foldStatuses(
  loaded: readonly ResidentStatus[],
  { entry, precision, networks, key }: PrecisionNetworks,
): ComponentStatus[] {
  const uses = usesOf(entry, precision, networks);
  const statusOf = (use: (typeof uses)[number]) => loaded.find((status) => status.key === residentKey(use));
  if (!uses.some((use) => "precision" in use && statusOf(use))) return [];
  const found = uses.map(statusOf).filter((status) => status !== undefined);
  const sum = (of: (status: ResidentStatus) => number) => found.reduce((total, status) => total + of(status), 0);
  return [
    {
      key,
      bytes: sum(({ bytes }) => bytes),
      loadMs: sum(({ loadMs }) => loadMs),
      lastUse: Math.max(...found.map(({ lastUse }) => lastUse)),
      complete: found.length === uses.length,
    },
  ];
}
