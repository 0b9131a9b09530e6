import { ByteBudget } from "@armature/core";
import { blobsContract } from "../testing/blobs-contract.js";
import { queueContract } from "../testing/queue-contract.js";
import { storeContract } from "../testing/store-contract.js";
import { MemoryBlobs } from "./memory-blobs.js";
import { MemoryQueue } from "./memory-queue.js";
import { MemoryJobStore } from "./memory-store.js";

queueContract("the queue in memory", (options) => new MemoryQueue(options));
storeContract("the store in memory", () => new MemoryJobStore());
blobsContract(
  "the blobs in memory",
  ({ maxBytes }) => new MemoryBlobs(new ByteBudget({ what: "files", limitBytes: maxBytes })),
);
