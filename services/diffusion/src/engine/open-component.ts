/** Models and ControlNets with every session open, beside no others: for programs that need no residency. */
import type { Precision } from "@armature/contract";
import type { Session } from "@armature/runtime";
import type { ControlNet, Model, ShallowUNet } from "../pipeline/components.js";
import { assembleControlNet, assembleModel, assembleShallowUNet, readTokenizer } from "./assemble.js";
import type { ControlNetEntry, ModelEntry } from "./catalogue.js";
import type { NetworkEntry } from "./component.js";
import type { DiffusionDevice } from "./device-settings.js";
import { loadableUses, type SessionOf, usesOf } from "./load-networks.js";

export interface Opened<T> {
  opened: T;
  release(): Promise<void>;
}

/** The networks that each request uses. */
export async function openModel(
  entry: ModelEntry,
  device: DiffusionDevice,
  precision?: Precision,
): Promise<Opened<Model>> {
  const always = entry.networks.filter((network) => network.always);
  const { sessionOf, release } = await openSessions(entry, always, device, precision);
  return { opened: assembleModel(entry, sessionOf, { tokenizer: readTokenizer(entry), device }), release };
}

export async function openShallowUNet(
  entry: ModelEntry,
  device: DiffusionDevice,
  precision?: Precision,
): Promise<Opened<ShallowUNet>> {
  const sometimes = entry.networks.filter(({ always }) => !always);
  const { sessionOf, release } = await openSessions(entry, sometimes, device, precision);
  return { opened: assembleShallowUNet(sessionOf), release };
}

export async function openControlNet(
  entry: ControlNetEntry,
  device: DiffusionDevice,
  precision?: Precision,
): Promise<Opened<ControlNet>> {
  const { sessionOf, release } = await openSessions(entry, entry.networks, device, precision);
  return { opened: assembleControlNet(entry, sessionOf), release };
}

async function openSessions(
  entry: ModelEntry | ControlNetEntry,
  networks: readonly NetworkEntry[],
  device: DiffusionDevice,
  precision: Precision | undefined,
): Promise<{ sessionOf: SessionOf; release(): Promise<void> }> {
  const uses = usesOf(entry, precision, [...networks]);
  const catalogue = "type" in entry ? { models: [], controlnets: [entry] } : { models: [entry], controlnets: [] };
  const loadables = loadableUses(uses, catalogue, device);
  const sessions = new Map<string, Session>();
  for (const [i, loadable] of loadables.entries()) sessions.set(uses[i]!.network, await loadable.load());
  return {
    sessionOf: ({ name }) => sessions.get(name)!,
    async release() {
      for (const session of sessions.values()) await session.release();
    },
  };
}
