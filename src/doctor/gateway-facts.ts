import { ExpositionError, PushError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { parseExposition } from "../metrics/exposition/parse.ts";
import type { PushClient } from "../push/client.ts";
import {
  type GatewayGroup,
  type GatewayStatus,
  readGroups,
  readScrape,
  readStatus,
} from "../push/groups.ts";
import type { Check, Finding } from "./check.ts";
import { type DoctorContext, failed, ok, warning } from "./context.ts";

export type GatewayGroups = {
  readonly client: PushClient;
  readonly groups: readonly GatewayGroup[];
};

/** What a gateway that answers says of itself. */
export function checkGatewayFacts(
  context: DoctorContext,
  client: Check<PushClient>,
): {
  readonly scrape: Check<readonly MetricFamily[]>;
  readonly groups: Check<GatewayGroups>;
} {
  const { check } = context;
  const options = { attempts: 1, signal: context.deadline } as const;

  const status = check("gateway.version", { client }, async ({ client }) =>
    checkVersion(await readStatus(client, options)),
  );
  check("gateway.consistency-check", { status }, ({ status }) => checkConsistency(status));
  check("gateway.persistence-file", { status }, ({ status }) => checkPersistence(status));
  const scrape = check("gateway.scrape", { client }, async ({ client }) => {
    try {
      return checkScrape(client, await readScrape(client, options));
    } catch (error) {
      if (!(error instanceof PushError && error.status === 500)) throw error;
      return failed(
        `${error.message}; as long as it does, Prometheus gets nothing from this gateway, of no group: ` +
          "delete the group that the answer names (closing-bell delete), or ask who pushes it",
      );
    }
  });
  const groups = check("gateway.groups", { client }, async ({ client }) =>
    checkGroups(client, await readGroups(client, options)),
  );
  return { scrape, groups };
}

function checkVersion(status: GatewayStatus): Finding<GatewayStatus> {
  const { version } = status;
  const [, major, minor] = /^v?(\d+)\.(\d+)\./.exec(version) ?? [];
  if (major === undefined) {
    return warning(
      `version ${JSON.stringify(version)}: could not tell whether it is 1.6 or later`,
      status,
    );
  }
  const isOld = Number(major) < 1 || (Number(major) === 1 && Number(minor) < 6);
  return isOld
    ? warning(
        `version ${version} takes a push that was cut off at the end of a line for a whole one, and answers 200: ` +
          "half a group is stored; upgrade the gateway to 1.6 or later",
        status,
      )
    : ok(`version ${version}`, status);
}

function checkConsistency({ consistencyCheck }: GatewayStatus): Finding {
  return consistencyCheck
    ? ok("on: the gateway refuses what would break its scrape")
    : warning(
        "off (--push.disable-consistency-check): the gateway answers before it has looked, " +
          "and one bad push breaks the scrape of all groups; start it without that flag",
      );
}

function checkPersistence({ persistenceFile }: GatewayStatus): Finding {
  return persistenceFile === undefined
    ? ok("none: after a restart closing-bell publish brings the totals back")
    : warning(
        `${persistenceFile}: a gateway that restarts comes back with old data, counters fall, and increase() ` +
          "counts the totals again; start it with --persistence.file= (Debian's package sets one by itself)",
      );
}

function checkScrape(client: PushClient, text: string): Finding<readonly MetricFamily[]> {
  const what = `GET /metrics at ${client.gateway}`;
  try {
    const families = parseExposition(text);
    return ok(`${what}: 200, ${families.length} metric families`, families);
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error;
    return failed(
      `${what}: 200, but Prometheus cannot read it (${error.message}); is it a Pushgateway?`,
    );
  }
}

function checkGroups(client: PushClient, groups: readonly GatewayGroup[]): Finding<GatewayGroups> {
  const value = { client, groups };
  const refused = groups.filter(({ lastPushSuccessful }) => !lastPushSuccessful);
  if (refused.length === 0)
    return ok(`${groups.length} groups; the last push to each was accepted`, value);
  return warning(
    `the last push to ${listText(refused.map(keyOf))} was refused (${refused.length} of ${groups.length} groups): ` +
      "whoever pushes it was told why; what it shows is older",
    value,
  );
}

function keyOf({ labels: { job = "", ...labels } }: GatewayGroup): GroupingKey {
  return { job, labels };
}

/** Longest list of groups in a message. */
const LISTED = 3;

/** Groups for a message. */
export function listText(groups: readonly GroupingKey[]): string {
  const listed = groups.slice(0, LISTED).map(formatGroupingKey).join(", ");
  return groups.length > LISTED ? `${listed} and ${groups.length - LISTED} more` : listed;
}
