/** A client of a diffusion service in end-to-end tests. */
import { setTimeout as delay } from "node:timers/promises";
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import { expect } from "vitest";

interface PostOptions {
  /** The form of the answer; default JSON. */
  accept?: string;
  signal?: AbortSignal;
}

export class StackClient {
  constructor(private readonly url: string) {}

  post(body: unknown, { accept = "application/json", signal }: PostOptions = {}): Promise<Response> {
    return fetch(`${this.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json", accept },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  }

  /** The answer as JSON; the test fails if it is a problem. */
  async generate(body: unknown): Promise<GenerateResponse> {
    const answer = await this.post(body);
    const json = (await answer.json()) as GenerateResponse;
    expect(answer.status, JSON.stringify(json).slice(0, 500)).toBe(200);
    return json;
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }

  /** Denoising steps of the embedded model in all jobs so far. */
  async stepsDone(): Promise<number> {
    const count = /^diffusion_step_duration_seconds_count\{model="tiny-sd"\} (\d+)$/m.exec(await this.metrics());
    return Number(count?.[1] ?? 0);
  }
}

/** Waits until `condition` holds; the test's own timeout gives up. */
export async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(5);
}
