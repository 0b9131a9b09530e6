import { CPU_PREPARED_PROFILE, type DeviceProfile } from "@armature/graph";

/** The prepared form, with 3x3 convolutions of every size in Winograd's form. */
export const WINOGRAD_EVERYWHERE: DeviceProfile = {
  ...CPU_PREPARED_PROFILE,
  winograd: { minSide: 1, maxSide: Number.POSITIVE_INFINITY, minChannels: 1 },
};
