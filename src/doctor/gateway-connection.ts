import { originText } from "../config/origin.ts";
import type { Credentials } from "../gateway-url.ts";
import { createPushClient, type PushClient } from "../push/client.ts";
import { errorOf, isSuccess } from "../push/judge.ts";
import type { Check, Finding } from "./check.ts";
import { checkClock } from "./clock-skew.ts";
import {
  type DoctorContext,
  failed,
  millisecondsText,
  ok,
  skipped,
  sourceText,
  warning,
} from "./context.ts";
import {
  ask,
  checkProtocol,
  knownAddresses,
  type NamedGateway,
  openConnection,
  READY,
  type Server,
} from "./gateway-server.ts";
import { type FoundHost, findHost } from "./name-lookup.ts";
import type { Exchanged } from "./request.ts";

/** From its URL to its answer to our credentials: each step needs the one before. */
export function checkGatewayConnection(context: DoctorContext): {
  readonly named: Check<NamedGateway>;
  readonly client: Check<PushClient>;
} {
  const { check } = context;
  const named = check("gateway.url", {}, () => nameGateway(context));
  const found = check("gateway.dns", { named }, async ({ named }) => {
    return findHost(context, named.url, originText(named.base.origin));
  });
  const server = check("gateway.connect", { named, found }, ({ named, found }) =>
    openConnection(context, named, found),
  );
  const speaks = check("gateway.tls", { server }, ({ server }) => checkProtocol(context, server));
  const answer = check("gateway.http", { speaks }, ({ speaks }) => askReady(context, speaks));
  const client = check("gateway.auth", { named, found, answer }, ({ named, found, answer }) =>
    checkAuth(context, named, found, answer),
  );
  check("clock.skew", { answer }, ({ answer }) => {
    const { result, sentAt, receivedAt } = answer;
    const { date } = "answer" in result ? result.answer.headers : {};
    return checkClock("the gateway", date, { sentAt, receivedAt });
  });
  return { named, client };
}

function nameGateway({ settings }: DoctorContext): Finding<NamedGateway> {
  const { gateway, publish, files } = settings;
  if (gateway === undefined) return skipped("needs config");
  const { value: baseUrl, origin } = gateway.base;
  if (baseUrl !== undefined) {
    const url = new URL(baseUrl);
    return ok(`${baseUrl}, ${sourceText(origin)}`, { ...gateway, url, baseUrl });
  }
  const how = `set PUSHGATEWAY_URL (cron does not read a shell's profile), or gateway.url in ${files[0]?.path}`;
  const without = "no gateway is configured";
  // Then another environment's `publish` has one, or it is none.
  return publish?.value === "scheduled"
    ? {
        ...warning(
          `${without} here: runs only record, and somebody else must publish; else ${how}`,
        ),
        without,
      }
    : { ...failed(`${without}: runs are recorded and nothing is sent; ${how}`), without };
}

/** Whether it answers at all; with our credentials, which the next check is about. */
async function askReady(context: DoctorContext, server: Server): Promise<Finding<Exchanged>> {
  const { credentials, baseUrl, isSilent } = server;
  const what = `GET ${READY} at ${baseUrl}`;
  const silence = failed(
    `${what}: no whole answer within ${millisecondsText(context.stepMs)}: the gateway is stopped or overloaded, or something else listens there`,
  );
  if (isSilent) return silence;
  const exchanged = await ask(context, server, baseUrl, { credentials: credentials?.value });
  const { result, sentAt, receivedAt, isLate } = exchanged;
  if (isLate) return silence;
  if ("failure" in result) {
    const { code } = result.failure;
    const parsing = /^HPE_/.test(code)
      ? "; what listens there does not speak HTTP: check the port"
      : "";
    return failed(
      `${errorOf(what, result, { credentials: credentials?.value, notSent: false }).message}${parsing}`,
    );
  }
  const { status } = result.answer;
  const took = millisecondsText((receivedAt - sentAt) * 1000);
  if (status === 401 || status === 403) return ok(`${what}: ${status} in ${took}`, exchanged);
  if (isSuccess("GET", result.answer)) return ok(`${what}: ${status} in ${took}`, exchanged);
  const path = status === 404 ? "; check the path of the gateway URL" : "";
  return failed(
    `${errorOf(what, result, { credentials: credentials?.value, notSent: false }).message}${path}`,
  );
}

/** Whether it accepts who we are. */
function checkAuth(
  { stepMs }: DoctorContext,
  { credentials, caFile, baseUrl, base, withheldIn }: NamedGateway,
  { addresses }: FoundHost,
  { result }: Exchanged,
): Finding<PushClient> {
  const status = "answer" in result ? result.answer.status : 0;
  if (status === 401 || status === 403) {
    const answered = `${baseUrl} answers ${status}`;
    if (credentials !== undefined) {
      const sent = `the ${credentialsText(credentials.value)} ${sourceText(credentials.origin)}`;
      return status === 401
        ? failed(`${answered} to ${sent}: not accepted; correct it there`)
        : failed(`${answered} to ${sent}: known, but not allowed; ask who runs the gateway`);
    }
    const withheld =
      withheldIn === undefined
        ? ""
        : ` (those of ${withheldIn} are only sent to the gateway.url beside them, and this gateway is named by ${originText(base.origin)})`;
    return failed(
      `${answered}, and no credentials were sent${withheld}: give them in PUSHGATEWAY_URL (http://user:password@host), as PUSHGATEWAY_TOKEN, or in closing-bell.json`,
    );
  }
  const client = createPushClient({
    url: baseUrl,
    ...(credentials === undefined ? {} : { credentials: credentials.value }),
    ...(caFile === undefined ? {} : { ca: caFile.value.pem }),
    lookup: knownAddresses(addresses),
    timeoutMs: stepMs,
  });
  const who =
    credentials === undefined
      ? "no credentials, and none are asked for"
      : `accepted: the ${credentialsText(credentials.value)} ${sourceText(credentials.origin)}`;
  return ok(who, client);
}

function credentialsText({ type }: Credentials): string {
  return type === "basic" ? "user and password" : "bearer token";
}
