/** The routes that every service has, as the document shows them. */
import { z } from "zod";
import type { RouteDeclaration } from "./openapi.js";

const status = (...values: [string, ...string[]]) => z.object({ status: z.enum(values) });

/** Their handlers are in `app.ts`. */
export const builtinRoutes: RouteDeclaration[] = [
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
  {
    method: "get",
    path: "/openapi.json",
    tag: "Operation",
    summary: "This document",
    responses: { 200: { description: "OpenAPI 3.1", content: { "application/json": z.looseObject({}) } } },
  },
  {
    method: "get",
    path: "/docs",
    tag: "Operation",
    summary: "This document for people",
    responses: { 200: { description: "A page", content: { "text/html": z.string() } } },
  },
];
