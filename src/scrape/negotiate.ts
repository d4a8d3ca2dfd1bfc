/** Whether an `Accept` header takes text exposition format. Absent: it does. */
export function acceptsText(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === "") return true;
  return accepts(accept, ["text/plain", "text/*", "*/*"]);
}

/** Whether an `Accept-Encoding` header takes gzip. Absent: it does not, or a bare client gets noise. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return acceptEncoding !== undefined && accepts(acceptEncoding, ["gzip", "*"]);
}

/**
 * RFC 9110, 12.4.2 and 12.5: the most specific range that matches decides, and `q=0` means never.
 *
 * @param ranges that match, the most specific first.
 */
function accepts(header: string, ranges: readonly string[]): boolean {
  const qualities = new Map<string, number>();
  for (const item of header.split(",")) {
    const [range = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const value = quality === undefined ? 1 : Number(quality.replace(/^q\s*=\s*/, ""));
    // Of one range in several versions the best one counts.
    qualities.set(range, Math.max(qualities.get(range) ?? 0, Number.isNaN(value) ? 0 : value));
  }
  const decisive = ranges.find((range) => qualities.has(range));
  return decisive !== undefined && (qualities.get(decisive) ?? 0) > 0;
}
