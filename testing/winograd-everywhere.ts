import { CPU_PREPARED_PROFILE, type DeviceProfile } from "@armature/graph";

/** The prepared form, with every 3x3 convolution in Winograd's form whatever its size. */
export const WINOGRAD_EVERYWHERE: DeviceProfile = {
  ...CPU_PREPARED_PROFILE,
  winograd: { minSide: 1, maxSide: Number.POSITIVE_INFINITY, minChannels: 1 },
};
