/** Reads server-sent events (HTML Living Standard, section 9.2.6) from the body of an answer. */
interface ServerSentEvent {
  event: string;
  data: string;
}

/** The events of a stream, in order; comments and other fields are dropped. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const data = field(block, "data");
      if (data !== undefined) yield { event: field(block, "event") ?? "message", data };
    }
  }
}

function field(block: string, name: string): string | undefined {
  const lines = block.split("\n").filter((line) => line.startsWith(`${name}: `));
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(name.length + 2)).join("\n");
}
