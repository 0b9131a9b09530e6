/** What those who run a service ask of it: whether it is up, whether it can take work, how it does. */
import type { Draining } from "@armature/core";
import { Router } from "express";
import { z } from "zod";
import { NotReady } from "./errors.js";
import type { ServiceMetrics } from "./metrics.js";
import type { RouteDeclaration } from "./openapi.js";

/** Why the service cannot take work at present. */
export interface Obstacle {
  reason: string;
  retryAfterS?: number;
}

export interface OperationOptions {
  metrics: ServiceMetrics;
  /** Asked by `/readyz`. */
  obstacle: () => Obstacle | undefined;
  /** What `/readyz` says while the service shuts down; undefined before that. */
  draining: () => Draining | undefined;
}

const status = (...values: [string, ...string[]]) => z.object({ status: z.enum(values) });

export const operationDeclarations: RouteDeclaration[] = [
  {
    method: "get",
    path: "/healthz",
    tag: "Operation",
    summary: "Whether the process is up",
    responses: { 200: { description: "It is", content: { "application/json": status("up") } } },
  },
  {
    method: "get",
    path: "/readyz",
    tag: "Operation",
    summary: "Whether the service can take work now",
    responses: { 200: { description: "It can", content: { "application/json": status("ready") } } },
    problems: ["not-ready", "draining"],
  },
  {
    method: "get",
    path: "/metrics",
    tag: "Operation",
    summary: "Metrics for Prometheus",
    responses: { 200: { description: "Prometheus text format", content: { "text/plain": z.string() } } },
  },
];

/** `GET /healthz`, `/readyz` and `/metrics`. */
export function operationRoutes({ metrics, obstacle, draining }: OperationOptions): Router {
  return Router()
    .get("/healthz", (_req, res) => void res.json({ status: "up" }))
    .get("/readyz", (_req, res) => {
      const refusal = draining();
      if (refusal) throw refusal;
      const found = obstacle();
      if (found) throw new NotReady(found.reason, found.retryAfterS);
      res.json({ status: "ready" });
    })
    .get("/metrics", async (_req, res) => {
      const { registry } = metrics;
      res.type(registry.contentType).send(await registry.metrics());
    });
}
