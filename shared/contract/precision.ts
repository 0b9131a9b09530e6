/** The numbers in which UNet and ControlNets compute on a CPU. */
export const PRECISIONS = ["float32", "int8"] as const;

export type Precision = (typeof PRECISIONS)[number];
