/**
 * Reads the events of an event stream out of its bytes, as far as they have come: the JSON of each
 * `data` line. A line that is none is left out: what it means is for whoever parses the stream.
 */
export function createEventDecoder(): (bytes: unknown) => readonly unknown[] {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes) => {
    // What is no bytes is text, in some runtimes.
    rest +=
      typeof bytes === "string" ? bytes : decoder.decode(bytes as Uint8Array, { stream: true });
    const lines = rest.split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    return lines.filter((line) => line.startsWith("data:")).flatMap(parsed);
  };
}

function parsed(line: string): readonly unknown[] {
  try {
    return [JSON.parse(line.slice("data:".length))];
  } catch {
    return [];
  }
}
