/** A listener's own description: for programs, and for people. */
import { Router } from "express";
import { z } from "zod";
import { docsPage } from "./docs-page.js";
import type { OpenApiDocument, RouteDeclaration } from "./openapi.js";

export const documentDeclarations: RouteDeclaration[] = [
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

/** `GET /openapi.json` and `/docs`. */
export function documentRoutes(document: OpenApiDocument): Router {
  const docs = docsPage(document);
  return Router()
    .get("/openapi.json", (_req, res) => void res.json(document))
    .get("/docs", (_req, res) => {
      res.set("Content-Security-Policy", docs.contentSecurityPolicy).type("html").send(docs.html);
    });
}
