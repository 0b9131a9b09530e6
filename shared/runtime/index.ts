export type { DeviceName } from "./device-name.js";
export { openSession, type Session } from "./device-session.js";
export { disposeOnDevice, liveDeviceTensors, type Tensors } from "./device-tensors.js";
export { areFinite, finiteSession, notFinite } from "./finite-session.js";
export { loadableSession } from "./loadable-session.js";
export { type ComputeSettings, openNetwork, type PreparedSettings } from "./open-network.js";
export { OpenNetworks, sessionKey } from "./open-networks.js";
export { type Loadable, Residency, type ResidentStatus } from "./residency.js";
export { createSession } from "./session.js";
