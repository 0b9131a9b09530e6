/** The plan as text for a terminal. */

import { gigabytes } from "@armature/core";
import { describeForms } from "@armature/devices";
import { FIXED_BYTES } from "@armature/diffusion/engine/memory/needed-bytes";
import type { AskedPictures, CardForms, ComponentMemory } from "./component-memory.js";
import type { Verdict } from "./verdict.js";

export interface Plan {
  request: AskedPictures;
  cardBytes: number;
  components: ComponentMemory[];
  verdict: Verdict;
}

const BAR_WIDTH = 32;

/** A line per network, with a bar as long as its share of the card, and what the sums mean. */
export function planReport(
  { request, cardBytes, components, verdict }: Plan,
  { profile, vaeProfile }: CardForms,
): string {
  const { width, height, images } = request;
  const rows = components.flatMap(({ id, networks }) =>
    networks.map((network) => ({ ...network, label: `${id} ${network.name}` })),
  );
  const labelWidth = Math.max(...rows.map(({ label }) => label.length), 16);
  const row = (label: string, bytes: number) =>
    `  ${label.padEnd(labelWidth)}  ${gigabytes(bytes).padStart(9)}  ${bar(bytes / cardBytes)}`;
  return [
    `${images} ${images === 1 ? "picture" : "pictures"} of ${width}x${height}, with guidance, on ${profile.name}`,
    `networks: ${describeForms(profile)}; VAE: ${vaeProfile.compute}; bars: shares of ${gigabytes(cardBytes)}`,
    "weights, while loaded",
    ...rows.map(({ label, weightBytes }) => row(label, weightBytes)),
    "activations, as the device keeps them",
    ...rows.map(({ label, activationBytes }) => row(label, activationBytes)),
    "always",
    ...Object.entries(FIXED_BYTES).map(([label, bytes]) => row(label, bytes)),
    "all together",
    row("needed", verdict.totalBytes),
    ...conclusion(verdict, components[0]!.id, cardBytes),
  ].join("\n");
}

function conclusion({ fits, together, evicted }: Verdict, first: string, cardBytes: number): string[] {
  if (fits) return ["fits: everything stays loaded"];
  if (!together.includes(first)) return [`does not fit: ${first} alone needs more than ${gigabytes(cardBytes)}`];
  return [
    `does not fit: together fit ${together.join(", ")}`,
    `to be evicted and loaded again when asked for: ${evicted.join(", ")}`,
  ];
}

function bar(share: number): string {
  const full = Math.min(BAR_WIDTH, Math.round(share * BAR_WIDTH));
  return "█".repeat(full).padEnd(BAR_WIDTH, "░");
}
