export { type DeviceName, openSession, type Session, type Tensors } from "./device-session.js";
export { disposeOnDevice, liveDeviceTensors } from "./device-tensors.js";
export { type ComputeSettings, type Network, openNetwork, type PreparedSettings } from "./open-network.js";
export { OpenNetworks, sessionKey } from "./open-networks.js";
export { type Loadable, Residency, type ResidentStatus } from "./residency.js";
export { createSession } from "./session.js";
export type { Sizes } from "./sized-sessions.js";
