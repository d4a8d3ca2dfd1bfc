import { REFUSALS, type Refusal } from "../../src/pushgateway/refusals.ts";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { NAMED_CASES } from "./named-cases.ts";
import { ask, type GatewayAnswer, type GatewayRequest, type View, view } from "./observe.ts";
import { seeded } from "./random.ts";
import { randomRequest } from "./random-walk.ts";
import { startRealGateway } from "./real-gateway.ts";

export type DifferentialOptions = {
  /** The real gateway's program. */
  readonly binary: string;
  readonly seed: number;
  /** Length of the random walk. */
  readonly steps: number;
};

export type DifferentialResult = {
  readonly requests: number;
  /** One text each: the request, what the real gateway did, what ours did. */
  readonly differences: readonly string[];
  /** How often ours refused, on purpose, what the real one should not have taken. */
  readonly refused: Readonly<Partial<Record<Refusal["id"], number>>>;
};

/** The walk looks at both gateways as a whole after so many requests. */
const STEPS_BETWEEN_VIEWS = 3;

/** A push here is answered only after everything queued before it, deletions included, is done. */
const SYNC: GatewayRequest = { method: "PUT", path: "/metrics/job/sync" };

type Pair<T> = { readonly real: T; readonly ours: T };

/**
 * Asks the real gateway and ours the same things, first the named cases, then a random walk, and
 * compares every answer and what can be seen afterwards. A documented refusal of ours must be
 * borne out by what the real one does; then the group is deleted from both, so that they go on
 * from the same state.
 */
export async function differential(options: DifferentialOptions): Promise<DifferentialResult> {
  const real = await startRealGateway(options.binary);
  const ours = await startPushgateway({ clock: countingClock() });
  try {
    return await compare({ real: real.url, ours: ours.url }, options);
  } finally {
    await Promise.all([real.close(), ours.close()]);
  }
}

async function compare(
  urls: Pair<URL>,
  { seed, steps }: DifferentialOptions,
): Promise<DifferentialResult> {
  const differences: string[] = [];
  const refused: Partial<Record<string, number>> = {};
  let requests = 0;
  const both = async <T>(act: (url: URL) => Promise<T>): Promise<Pair<T>> => {
    const [real, ours] = await Promise.all([act(urls.real), act(urls.ours)]);
    return { real, ours };
  };

  /** Sends one request to both and reports whether the answers agree, or ours is a refusal. */
  async function step(where: string, request: GatewayRequest): Promise<boolean> {
    requests++;
    const answers = await both((url) => ask(url, request));
    if (request.method === "DELETE") await both((url) => ask(url, SYNC));
    const refusal = refusalIn(answers.ours);
    if (refusal !== undefined) return afterRefusal(where, request, refusal, answers);
    const [real, ours] = [answerText(answers.real), answerText(answers.ours)];
    if (real !== ours) report(where, request, real, ours);
    return real === ours;
  }

  async function afterRefusal(
    where: string,
    request: GatewayRequest,
    refusal: Refusal,
    answers: Pair<GatewayAnswer>,
  ): Promise<boolean> {
    const views = await both(view);
    const sameAnswer = answers.real.status === answers.ours.status;
    if (sameAnswer && sameView(views)) return true;
    await both((url) => ask(url, { method: "DELETE", path: request.path }));
    await both((url) => ask(url, SYNC));
    if (answers.real.status === 200 || views.real.status === 500) {
      refused[refusal.id] = (refused[refusal.id] ?? 0) + 1;
      return true;
    }
    report(where, request, answerText(answers.real), `${refusal.id}, which nothing bears out`);
    return false;
  }

  async function look(where: string, request: GatewayRequest): Promise<boolean> {
    const views = await both(view);
    if (sameView(views)) return true;
    const [real, ours] = [viewLines(views.real), viewLines(views.ours)];
    report(where, request, only(real, ours), only(ours, real));
    return false;
  }

  function report(where: string, request: GatewayRequest, real: string, ours: string): void {
    differences.push(`${where}: ${requestText(request)}\n  real: ${real}\n  ours: ${ours}`);
  }

  /** Deletes all that the requests may have left, so that one difference is reported once. */
  async function clear(paths: Iterable<string>): Promise<void> {
    for (const path of paths) await both((url) => ask(url, { method: "DELETE", path }));
    await both((url) => ask(url, SYNC));
  }

  for (const { name, requests: sequence } of NAMED_CASES) {
    for (const request of sequence) {
      if ((await step(name, request)) && request.method !== "GET") await look(name, request);
    }
    await clear(new Set(sequence.map(({ path }) => path)));
  }

  const random = seeded(seed);
  const paths = new Set<string>();
  for (let at = 1; at <= steps; at++) {
    const where = `seed ${seed} step ${at}`;
    const request = randomRequest(random);
    paths.add(request.path);
    const agreed = await step(where, request);
    const isTimeToLook = at % STEPS_BETWEEN_VIEWS === 0 || at === steps;
    if (!agreed || (isTimeToLook && !(await look(where, request)))) await clear(paths);
  }
  return { requests, differences, refused };
}

/** Every reading later than the one before, as on the real gateway's nanosecond clock. */
function countingClock() {
  let seconds = 1_700_000_000;
  const now = () => {
    seconds += 1;
    return seconds;
  };
  return { now, monotonic: now };
}

function refusalIn({ status, body }: GatewayAnswer): Refusal | undefined {
  const text = body.toLowerCase();
  return REFUSALS.find((refusal) => {
    return refusal.status === status && text.includes(refusal.what.toLowerCase());
  });
}

/** What must be the same of two answers. Of an error that is its kind; the texts may differ. */
function answerText({ status, location = "", body }: GatewayAnswer): string {
  if (status < 400) return `${status} ${location}`.trim();
  const kind =
    /^(text format parsing error in line \d+|pushed metrics are invalid|odd number|improper label name|invalid base64|job name is required)/;
  return `${status} ${kind.exec(body)?.[1] ?? ""}`.trim();
}

function sameView({ real, ours }: Pair<View>): boolean {
  return JSON.stringify(real) === JSON.stringify(ours);
}

function viewLines({ status, scrape, api }: View): readonly string[] {
  return [`scrape ${status}`, ...scrape, ...api];
}

function only(lines: readonly string[], others: readonly string[]): string {
  return (
    lines.filter((line) => !others.includes(line)).join("\n        ") || "the same in another order"
  );
}

function requestText({ method, path, body = "", headers = {} }: GatewayRequest): string {
  const text = Buffer.from(body).toString("latin1");
  return `${method} ${path} ${JSON.stringify(headers)} ${JSON.stringify(text)}`;
}
