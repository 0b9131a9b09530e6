/** The table of what the report tries. */
import { forbiddenAddresses } from "./addresses.js";
import { engineFaults } from "./engines.js";
import type { FaultRow } from "./fault-row.js";
import { hostileHttp } from "./http.js";
import { hostileHubs } from "./hubs.js";
import { hostilePictures } from "./pictures.js";

export interface Faults {
  /** Cases, about, in the short form and in the whole one. */
  short: number;
  long: number;
  report(options: { seed: number; cases: number }): Promise<FaultRow[]>;
}

export const FAULTS: Readonly<Record<string, Faults>> = {
  pictures: { short: 63, long: 6_300, report: ({ cases, seed }) => hostilePictures(cases, seed) },
  hubs: { short: 17, long: 1_020, report: ({ cases, seed }) => hostileHubs(cases, seed) },
  http: { short: 54, long: 540, report: ({ cases, seed }) => hostileHttp(cases, seed) },
  engines: { short: 6, long: 120, report: ({ cases, seed }) => engineFaults(cases, seed) },
  addresses: { short: 45, long: 450, report: ({ cases }) => forbiddenAddresses(cases) },
};
