/** From a job's events to those that a client of `POST /generate` gets. */
import { type JobEvent, type Jobs, successes } from "@armature/jobs";
import type { GenerateEvent } from "../contract/events.js";
import type { GenerateResponse } from "../contract/generate.js";
import type { GenerateJob } from "../jobs/generate-job.js";

/** Up to `completed`, which holds the whole answer. Throws what the job failed with. */
export async function* clientEvents(
  events: AsyncIterable<JobEvent<GenerateJob>>,
  { id, jobs }: { id: string; jobs: Jobs },
): AsyncGenerator<GenerateEvent> {
  const images: GenerateResponse["images"] = [];
  const controlImages: GenerateResponse["control_images"] = [];
  for await (const { event, data } of successes(events)) {
    switch (event) {
      case "queued":
        yield { event, data: { position: (data.position ?? 1) - 1 } };
        break;
      case "started":
        yield { event, data: { id } };
        break;
      case "progress":
        yield { event, data };
        break;
      case "output": {
        const image = (await jobs.blob(data.blob)).toString("base64");
        if (data.list === "images") images[data.index] = { image, ...data.about };
        else controlImages[data.index] = { image, ...data.about };
        break;
      }
      case "completed":
        yield { event, data: { id, images, control_images: controlImages, ...data } };
    }
  }
}
