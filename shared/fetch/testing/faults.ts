/** What can go wrong with one answer, and random sequences of it. */

export type Fault =
  | { kind: "status"; status: number; headers?: Record<string, string> }
  /** The connection ends before the answer, or after `after` bytes of the body. */
  | { kind: "refuse" }
  | { kind: "cut"; after: number }
  /** Nothing more comes after `after` bytes of the body. */
  | { kind: "stall"; after: number }
  /** One bit is wrong at this place of the body. */
  | { kind: "flip"; at: number }
  | { kind: "ignore-range" }
  /** The file has fewer bytes than it should, and the headers say so. */
  | { kind: "shorten"; by: number }
  /** The server sends other bytes than those asked for, and its headers say so. */
  | { kind: "other-range" };

/** Mulberry32: the same numbers in [0, 1) for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A fault at a random place of a body of about `bytes` bytes. */
export function randomFault(random: () => number, bytes: number): Fault {
  const place = Math.floor(random() * bytes);
  const faults: Fault[] = [
    { kind: "status", status: 429, headers: { "retry-after": "0" } },
    { kind: "status", status: [500, 502, 503, 504][Math.floor(random() * 4)]! },
    { kind: "status", status: 403 },
    { kind: "refuse" },
    { kind: "cut", after: 0 },
    { kind: "cut", after: place },
    { kind: "cut", after: place },
    { kind: "stall", after: place },
    { kind: "flip", at: place },
    { kind: "ignore-range" },
    { kind: "shorten", by: 1 + place },
    { kind: "other-range" },
  ];
  return faults[Math.floor(random() * faults.length)]!;
}
