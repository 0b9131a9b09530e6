/** Under which key a form of a model or ControlNet is resident. */
import type { Precision } from "@armature/contract";

export interface ResidentForm {
  precision: Precision | undefined;
  shallow?: boolean;
}

export function residentKey(id: string, { precision, shallow }: ResidentForm): string {
  const form = [...(shallow ? ["shallow UNet"] : []), ...(precision === "int8" ? ["int8"] : [])];
  return form.length > 0 ? `${id} (${form.join(", ")})` : id;
}

/** Of the whole model or ControlNet, in every precision. */
export function residentKeys(id: string): string[] {
  return [residentKey(id, { precision: "float32" }), residentKey(id, { precision: "int8" })];
}
