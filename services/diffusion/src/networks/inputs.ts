import type { GraphBuilder } from "@armature/shared/graph/builder";
import type { Dim } from "@armature/shared/graph/dim";
import type { Tokens } from "@armature/shared/graph/layers/feature-map";
import { cast, reshape } from "@armature/shared/graph/ops";
import type { DeviceProfile } from "@armature/shared/graph/profile";

/** The prompt's embeddings, `context` [B, S, D]. */
export function contextInput(graph: GraphBuilder, width: number): Tokens {
  const context = graph.input("context", "float32", ["B", "S", width]);
  const [batch, length] = context.shape as [Dim, Dim, number];
  return { value: reshape(cast(context, graph.profile.compute), [-1, width]), batch, length, width };
}

/**
 * A residual travels between the two networks in the profile's own layout. Every size but the channels may also be 1, so that
 * "no ControlNet" is one zero a channel instead of a map of zeros.
 */
export function residualShape(profile: DeviceProfile, name: string, channels: number): Dim[] {
  if (profile.layout === "rows") return [`${name}_rows?`, channels];
  return [`${name}_batch?`, channels, `${name}_height?`, `${name}_width?`];
}
