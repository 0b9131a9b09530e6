/** Every network that can be timed: those of both services' tables, by the kind of component that holds their weights. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { sd1 } from "@armature/diffusion/families/sd1";
import { NETWORKS as DIFFUSION } from "@armature/diffusion/networks/index";
import type { Network } from "@armature/graph";
import { NETWORKS as PREPROCESSOR } from "@armature/preprocessor/networks/index";

export const BENCH_NETWORKS: Readonly<Record<string, readonly Network[]>> = { ...DIFFUSION, ...PREPROCESSOR };

/** Folders of weights by the name of the component: its kind, but for a second component of a kind. */
export type Components = Readonly<Record<string, string>>;

/** Name of a depth network (kind `depth`) with a convolutional backbone. */
export const DEPTH_HYBRID = "depth hybrid";

/** A network over a component's weights. */
export interface ComponentNetwork {
  component: string;
  /** Name of the network in the tables. */
  network: string;
}

export const kindOf = (component: string): string => (component === DEPTH_HYBRID ? "depth" : component);

/** Throws by name where the tables have no such network. */
export function benchNetwork({ component, network }: ComponentNetwork): Network {
  const found = BENCH_NETWORKS[kindOf(component)]?.find(({ name }) => name === network);
  if (!found) throw new Error(`${component} has no network ${network}`);
  return found;
}

/** The networks of the tables, each by a name of its own: `unet prompt projections`, where the ControlNet has some of that name, too. */
export const NETWORK_NAMES: ReadonlyMap<string, ComponentNetwork> = new Map(
  Object.entries(BENCH_NETWORKS).flatMap(([component, networks]) =>
    networks.map(({ name: network }) => [nameOf(component, network), { component, network }] as const),
  ),
);

function nameOf(component: string, network: string): string {
  const shared =
    Object.values(BENCH_NETWORKS).filter((networks) => networks.some(({ name }) => name === network)).length > 1;
  return shared ? `${component} ${network}` : network;
}

/**
 * What a user typed, in any letters, as keys of NETWORK_NAMES or as names of `further`: a name that several networks share stands for
 * all of them. Throws for an unknown name, naming `option` and the known names.
 */
export function chosenNames(asked: readonly string[], option: string, further: readonly string[] = []): string[] {
  const names = [...new Set([...further, ...NETWORK_NAMES.keys()])];
  const chosen = asked.flatMap((name) => {
    const own = names.filter((known) => sameName(known, name));
    const found = own.length > 0 ? own : names.filter((known) => sameName(NETWORK_NAMES.get(known)?.network, name));
    if (found.length === 0) throw new Error(`${option}: there is no ${name}; there are ${names.join(", ")}`);
    return found;
  });
  return [...new Set(chosen)];
}

const sameName = (known: string | undefined, asked: string) => known?.toLowerCase() === asked.trim().toLowerCase();

/** The components of a model's folder in diffusers' layout. */
export const modelComponents = (folder: string): Components =>
  Object.fromEntries(Object.keys(sd1.components).map((name) => [name, join(folder, name)]));

/** Reads `kind=folder,...`. Throws where a kind is not in the tables or a folder has no config.json. */
export function readComponents(list: string | undefined): Components {
  const entries = (list?.split(",") ?? []).map((item) => {
    const [kind = "", folder = ""] = item.split("=");
    if (!BENCH_NETWORKS[kind]) {
      const kinds = Object.keys(BENCH_NETWORKS).join(", ");
      throw new Error(`--components: there is no kind ${kind}; there are ${kinds}, as in depth=FOLDER`);
    }
    if (!existsSync(join(folder, "config.json"))) throw new Error(`--components: ${folder} has no config.json`);
    return [kind, resolve(folder)] as const;
  });
  return Object.fromEntries(entries);
}
