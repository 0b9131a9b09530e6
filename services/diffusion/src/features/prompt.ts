/** The texts that guide the picture, and how much of the text encoder reads them. */
import { z } from "zod";
import { defineFeature, refusal } from "./feature.js";

export const prompt = defineFeature({
  fields: ({ maxPromptLength }) => ({
    prompt: z.string().max(maxPromptLength).describe("What the picture shows"),
    negative_prompt: z.string().max(maxPromptLength).default("").describe("What it shall not show"),
    clip_skip: z.int().min(0).max(24).optional().describe("Last layers of the text encoder to leave out"),
  }),
  resolve({ prompt, negative_prompt: negativePrompt, clip_skip: clipSkip }, { model: { id, context } }) {
    if (clipSkip !== undefined && clipSkip >= context.layers) {
      const detail = `wants at most ${context.layers - 1}: the text encoder of ${id} has ${context.layers} layers`;
      throw refusal("/clip_skip", detail);
    }
    return { prompt, negativePrompt, clipSkip };
  },
  answer: { clip_skip: z.int().min(0).optional() },
  parameters: ({ prompt, negativePrompt, clipSkip }) => ({
    prompt,
    negative_prompt: negativePrompt,
    clip_skip: clipSkip,
  }),
  *warnings({ negativePrompt }, { cutTexts, evaluations }) {
    if (cutTexts.prompt) yield `The prompt is too long for the text encoder; this was left out: ${cutTexts.prompt}`;
    if (cutTexts.negativePrompt) {
      yield `The negative_prompt is too long for the text encoder; this was left out: ${cutTexts.negativePrompt}`;
    }
    if (negativePrompt !== "" && !evaluations.some(({ guided }) => guided)) {
      yield "The negative_prompt has no effect: it is a part of guidance, which no step has";
    }
  },
});
