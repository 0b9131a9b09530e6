/** Says in a JSON Schema what `parse` does: a member of a request that is null is as absent, where it may be absent. */
import type { z } from "zod";

type JsonSchema = z.core.JSONSchema.BaseSchema;

const NULL: JsonSchema = { type: "null" };

/** The schema of a request, with null beside every form of its optional members, at every depth. */
export function withNulls(schema: JsonSchema): JsonSchema {
  const { properties, required = [], items, anyOf, $defs } = schema;
  const changed: JsonSchema = { ...schema };
  if (properties) changed.properties = membersOf(properties, required);
  if (isSchema(items)) changed.items = withNulls(items);
  if (anyOf) changed.anyOf = anyOf.map((form) => (isSchema(form) ? withNulls(form) : form));
  if ($defs) changed.$defs = Object.fromEntries(Object.entries($defs).map(([name, one]) => [name, withNulls(one)]));
  return changed;
}

type Members = NonNullable<JsonSchema["properties"]>;

function membersOf(members: Members, required: readonly string[]): Members {
  const changed = Object.entries(members).map(([name, member]) => {
    if (!isSchema(member)) return [name, member];
    return [name, required.includes(name) ? withNulls(member) : orNull(withNulls(member))];
  });
  return Object.fromEntries(changed);
}

/** What is said about the member stays outside, where readers look for it. */
function orNull({ description, default: preset, ...form }: JsonSchema): JsonSchema {
  const forms = Object.keys(form).join() === "anyOf" ? (form.anyOf ?? []) : [form];
  const takesNull = forms.some((one) => isSchema(one) && one.type === "null");
  return {
    ...(description !== undefined && { description }),
    ...(preset !== undefined && { default: preset }),
    anyOf: takesNull ? forms : [...forms, NULL],
  };
}

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);
