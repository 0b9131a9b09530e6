/** Hostile hubs: fetches from hubs that lie, never end or talk nonsense, a row a kind. */
import { seededRandom } from "@armature/fetch/testing/faults";
import { HOSTILE_HUBS, meetHostileHub } from "@armature/fetch/testing/hostile-hub";
import type { FaultRow } from "./fault-row.js";

/** Runs `cases` fetches, spread over all kinds. The same seed gives the same hubs. */
export async function hostileHubs(cases: number, seed: number): Promise<FaultRow[]> {
  const rows = HOSTILE_HUBS.map(({ kind }): FaultRow => ({ kind: `hub: ${kind}`, tried: 0, held: 0 }));
  for (let i = 0; i < cases; i++) {
    const row = rows[i % rows.length]!;
    const caseSeed = seed + i * SEED_STEP;
    const { broken } = await meetHostileHub(HOSTILE_HUBS[i % rows.length]!, seededRandom(caseSeed));
    row.tried++;
    if (broken === undefined) row.held++;
    else row.worst ??= `seed ${caseSeed}: ${broken}`;
  }
  return rows.filter(({ tried }) => tried > 0);
}

/** Distance between the seeds of two cases: a prime, so that neighbouring reports share none. */
const SEED_STEP = 7919;
