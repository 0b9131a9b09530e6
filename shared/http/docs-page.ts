/** The `/docs` page: the OpenAPI document for people. One file of HTML, no script, nothing loaded from elsewhere. */
import { createHash } from "node:crypto";
import type { JsonSchema, OpenApiDocument, Operation } from "./openapi.js";
import { PROBLEMS } from "./problem.js";

/** The page, and the Content-Security-Policy that permits its one style sheet and nothing else. */
export function docsPage(document: OpenApiDocument): { html: string; contentSecurityPolicy: string } {
  const hash = createHash("sha256").update(STYLE).digest("base64");
  return {
    html: page(document),
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'none'`,
  };
}

function page(document: OpenApiDocument): string {
  const { info, components } = document;
  const schemas = Object.entries(components.schemas).map(([name, schema]) => {
    return `<details id="schema-${escaped(name)}"><summary><code>${escaped(name)}</code></summary>${schemaView(schema)}</details>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)}</title><style>${STYLE}</style></head><body><main>
<h1>${escaped(info.title)} <small>${escaped(info.version)}</small></h1>
${prose(info.description)}
<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
${sections(document)}
${schemas.length > 0 ? `<h2>Schemas</h2>${schemas.join("")}` : ""}
<h2>Errors</h2>
<p>An error is an <code>application/problem+json</code> object (RFC 9457). Its <code>code</code> is one of these.</p>
${problemTable()}
</main></body></html>`;
}

function sections(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags))];
  return tags
    .map((tag) => {
      const own = operations.filter(({ operation }) => operation.tags.includes(tag));
      return `<h2>${escaped(tag)}</h2>${own.map((route) => operationView(route.method, route.path, route.operation)).join("")}`;
    })
    .join("");
}

function operationView(method: string, path: string, operation: Operation): string {
  const { summary, description, parameters = [], requestBody, responses, operationId } = operation;
  const bodies = Object.entries(requestBody?.content ?? {});
  return `<details id="${operationId}"><summary><b class="${method}">${method.toUpperCase()}</b>
<code>${escaped(path)}</code> <span>${escaped(summary)}</span></summary>
${prose(description)}
${parameters.length > 0 ? `<h3>Parameters</h3>${table(parameters.map((p) => [p.name, p.in, p.required, p.schema, p.description]))}` : ""}
${bodies.map(([type, { schema }]) => `<h3>Body <code>${escaped(type)}</code></h3>${schemaView(schema)}`).join("")}
<h3>Answers</h3>${Object.entries(responses).map(responseView).join("")}
</details>`;
}

function responseView([status, { description, content = {}, headers = {} }]: [
  string,
  Operation["responses"][string],
]): string {
  const types = Object.entries(content).map(([type, { schema }]) => {
    const isProblem = type === "application/problem+json";
    return `<div class="type"><code>${escaped(type)}</code>${isProblem ? "" : schemaView(schema)}</div>`;
  });
  const names = Object.entries(headers).map(
    ([name, header]) => `<code>${escaped(name)}</code> ${escaped(header.description)}`,
  );
  const list = names.length > 0 ? `<p>Headers: ${names.join("; ")}</p>` : "";
  return `<div><b class="status">${status}</b> ${escaped(description)}${list}${types.join("")}</div>`;
}

type Row = [name: string, place: string, required: boolean, schema: JsonSchema, description: string | undefined];

function table(rows: Row[]): string {
  const lines = rows.map(([name, place, required, schema, description]) => {
    const note = [place, required && "required"].filter(Boolean).join(", ");
    const text = description ?? schema.description ?? "";
    return `<tr><td><code>${escaped(name)}</code><small>${note}</small></td><td>${typeText(schema)}</td><td>${escaped(text)}</td></tr>`;
  });
  return `<table>${lines.join("")}</table>`;
}

function schemaView(schema: JsonSchema): string {
  if (!schema.properties) return `<p>${typeText(schema)} ${escaped(schema.description ?? "")}</p>`;
  const rows = Object.entries(schema.properties).map(([name, property]): Row => {
    return [
      name,
      "",
      schema.required?.includes(name) ?? false,
      typeof property === "boolean" ? {} : property,
      undefined,
    ];
  });
  return `${prose(schema.description)}${table(rows)}`;
}

/** A type in a few words: `integer 1..150 = 20`. */
function typeText(schema: JsonSchema): string {
  const { minimum, maximum, default: preset, $ref } = schema;
  if ($ref) {
    const name = $ref.split("/").at(-1) ?? "";
    return `<a href="#schema-${escaped(name)}">${escaped(name)}</a>`;
  }
  const range = minimum !== undefined || maximum !== undefined ? ` ${minimum ?? ""}..${bounded(maximum)}` : "";
  const value = preset === undefined ? "" : ` = <code>${escaped(JSON.stringify(preset))}</code>`;
  return typeName(schema) + range + value;
}

function typeName(schema: JsonSchema): string {
  const { type, enum: values, items, anyOf, const: only } = schema;
  if (only !== undefined) return `<code>${escaped(JSON.stringify(only))}</code>`;
  if (values) return values.map((value) => `<code>${escaped(String(value))}</code>`).join(" | ");
  if (anyOf)
    return anyOf
      .filter(isNoNull)
      .map((choice) => typeText(choice as JsonSchema))
      .join(" or ");
  if (type === "array" && items && !Array.isArray(items)) return `list of ${typeText(items as JsonSchema)}`;
  return escaped(String(type ?? "bytes"));
}

/** False for the form of null: every member may be null, so the page does not repeat it. */
const isNoNull = (form: boolean | JsonSchema) => typeof form === "boolean" || form.type !== "null";

/** JavaScript's greatest safe integer stands for "no bound". */
const bounded = (maximum: number | undefined) =>
  maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? "" : maximum;

function problemTable(): string {
  const rows = Object.entries(PROBLEMS).map(([code, { status, title }]) => {
    return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${escaped(title)}</td></tr>`;
  });
  return `<table>${rows.join("")}</table>`;
}

/** Paragraphs, with `code` in backquotes. */
function prose(text: string | undefined): string {
  const paragraphs = (text ?? "").split("\n\n").filter(Boolean);
  return paragraphs
    .map((paragraph) => `<p>${escaped(paragraph).replaceAll(/`([^`]+)`/g, "<code>$1</code>")}</p>`)
    .join("");
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem 1.25rem 4rem; }
h1 small { font-weight: 400; opacity: .6; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
code { font: .9em ui-monospace, monospace; background: var(--soft); padding: .1em .3em; border-radius: 4px; overflow-wrap: anywhere; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; padding: .5rem .75rem; }
summary { cursor: pointer; }
summary span { opacity: .75; }
summary b { display: inline-block; min-width: 4rem; }
.get { color: #2a7; } .post { color: #38d; } .delete { color: #d44; } .put, .patch { color: #b80; }
.status { display: inline-block; min-width: 3rem; }
.type { margin: .25rem 0 .75rem 3rem; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .35rem .75rem .35rem 0; vertical-align: top; }
td small { display: block; opacity: .6; }
tr:target, details:target { background: var(--soft); }
`;
