/** The services' OpenAPI 3.1 document, built from the table of routes and the zod schemas that the routes parse with. */

import { problem } from "@armature/contract";
import { z } from "zod";
import { PROBLEMS, type ProblemCode } from "./problem.js";
import type { RegisteredRoute } from "./routes.js";
import { withNulls } from "./with-nulls.js";

export interface ServiceInfo {
  title: string;
  version: string;
  /** Text for people who read `/docs`: paragraphs, with `code` in backquotes. */
  description: string;
}

const Problem = problem.meta({ id: "Problem", description: "RFC 9457 problem details" });

/** What a body holds: a schema for JSON, or `binary` for bytes such as a picture. */
export type MediaTypes = Record<string, z.ZodType | "binary">;

export interface RouteDeclaration {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** Path as Express takes it: `/image/:processor`. */
  path: string;
  summary: string;
  description?: string;
  /** A route for those who run the service: under `ADMIN_PORT` where there is one, and out of reach for other sites' pages. */
  operator?: true;
  /** Heading that the route stands under. */
  tag: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  /** The request's body by media type. */
  request?: MediaTypes;
  /** Answers by status. */
  responses: Record<number, { description: string; content?: MediaTypes; headers?: Record<string, string> }>;
  /** Errors worth naming; each stands under its own status. */
  problems?: ProblemCode[];
}

export type JsonSchema = z.core.JSONSchema.BaseSchema;
type Content = Record<string, { schema: JsonSchema }>;

interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required: true; content: Content };
  responses: Record<
    string,
    { description: string; content?: Content; headers?: Record<string, { description: string; schema: JsonSchema }> }
  >;
}

export interface OpenApiDocument {
  openapi: "3.1.0";
  info: { title: string; version: string; description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
}

/** The document. A schema with an `id` in its metadata is written once, under `components`. */
export function openApiDocument(
  { title, version, description }: ServiceInfo,
  routes: RouteDeclaration[],
): OpenApiDocument {
  const schemas = new Components();
  const paths: OpenApiDocument["paths"] = {};
  for (const route of routes) {
    const path = templated(route.path);
    paths[path] = { ...paths[path], [route.method]: operation(route, schemas) };
  }
  return { openapi: "3.1.0", info: { title, version, description }, paths, components: { schemas: schemas.all } };
}

/** What stands in the document but not among the registered routes, or the other way round; nothing if they are equal. */
export function documentGaps(document: OpenApiDocument, registered: RegisteredRoute[]): string[] {
  const documented = new Set(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    ),
  );
  const served = new Set(registered.map(({ method, path }) => `${method} ${templated(path)}`));
  return [
    ...[...served].filter((route) => !documented.has(route)).map((route) => `${route} is served but not documented`),
    ...[...documented].filter((route) => !served.has(route)).map((route) => `${route} is documented but not served`),
  ];
}

function operation(route: RouteDeclaration, schemas: Components): Operation {
  const parameters = [
    ...parametersOf("path", route.params, schemas),
    ...parametersOf("query", route.query, schemas),
    ...parametersOf("header", route.headers, schemas),
  ];
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    ...(route.description && { description: route.description }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.request && { requestBody: { required: true, content: content(route.request, "input", schemas) } }),
    responses: { ...answers(route, schemas), ...problems(route, schemas) },
  };
}

function answers(route: RouteDeclaration, schemas: Components): Operation["responses"] {
  const described = Object.entries(route.responses).map(([status, answer]) => {
    const headers = Object.entries(answer.headers ?? {}).map(([name, text]) => {
      return [name, { description: text, schema: { type: "string" } as const }];
    });
    return [
      status,
      {
        description: answer.description,
        ...(answer.content && { content: content(answer.content, "output", schemas) }),
        ...(answer.headers && { headers: Object.fromEntries(headers) }),
      },
    ];
  });
  return Object.fromEntries(described);
}

/** Codes with one status share its entry. */
function problems(route: RouteDeclaration, schemas: Components): Operation["responses"] {
  const responses: Operation["responses"] = {};
  for (const code of route.problems ?? []) {
    const { status, title } = PROBLEMS[code];
    const before = responses[status]?.description;
    responses[status] = {
      description: `${before ? `${before}; ` : ""}${title} (\`${code}\`)`,
      content: content({ "application/problem+json": Problem }, "output", schemas),
    };
  }
  return responses;
}

function content(types: MediaTypes, io: "input" | "output", schemas: Components): Content {
  const entries = Object.entries(types).map(([type, schema]) => {
    if (schema === "binary") return [type, { schema: BYTES[io] }];
    return [type, { schema: io === "input" ? schemas.add(schema, io, withNulls) : schemas.add(schema, io) }];
  });
  return Object.fromEntries(entries);
}

/** An empty body is refused. */
const BYTES = { input: { type: "string", format: "binary", minLength: 1 }, output: {} } as const;

function parametersOf(place: Parameter["in"], schema: z.ZodObject | undefined, schemas: Components): Parameter[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemas.add(schema, "input");
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = typeof property === "boolean" ? {} : property;
    return {
      name,
      in: place,
      required: place === "path" || required.includes(name),
      ...(description && { description }),
      schema: rest,
    };
  });
}

/** JSON Schemas that several places share. */
class Components {
  readonly all: Record<string, JsonSchema> = {};

  /** The schema as JSON Schema; the named ones in it move to the components, and references lead there. */
  add(schema: z.ZodType, io: "input" | "output", adapted = (plain: JsonSchema) => plain): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...body
    } = adapted(
      z.toJSONSchema(schema, {
        io,
        unrepresentable: "any",
        override: ({ jsonSchema }) => listUniformTuple(jsonSchema),
      }),
    );
    const names = new Map(Object.entries($defs).map(([name, definition]) => [name, this.#freeName(name, definition)]));
    for (const [name, definition] of Object.entries($defs)) this.all[names.get(name)!] = redirected(definition, names);
    return redirected(body, names);
  }

  /** What a client sends and what it gets may differ under one name: defaults are optional in the one, there in the other. */
  #freeName(name: string, definition: JsonSchema): string {
    const same = this.all[name];
    const own = redirected(definition, new Map());
    return same === undefined || JSON.stringify(same) === JSON.stringify(own) ? name : `${name}Output`;
  }
}

/** A tuple of equal items becomes a list of that length: the same values, and readers that do not know `prefixItems` understand it. */
function listUniformTuple(schema: JsonSchema): void {
  const { prefixItems = [], items } = schema;
  const kinds = new Set(prefixItems.map((item) => JSON.stringify(item)));
  if (kinds.size !== 1 || items !== false) return;
  delete schema.prefixItems;
  schema.items = prefixItems[0]!;
}

function redirected(schema: JsonSchema, names: Map<string, string>): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value) => {
    if (key !== "$ref" || typeof value !== "string") return value;
    const name = value.replace("#/$defs/", "");
    return `#/components/schemas/${names.get(name) ?? name}`;
  });
}

const templated = (path: string) => path.replaceAll(/:(\w+)/g, "{$1}");

/** `post /image/:processor` is `postImageProcessor`; `depth_leres++` is another one than `depth_leres`. */
function operationId({ method, path }: RouteDeclaration): string {
  const words = path
    .replaceAll("+", "_plus_")
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean);
  return method + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}
