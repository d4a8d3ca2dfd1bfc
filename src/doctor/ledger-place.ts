import { constants } from "node:fs";
import { dirname, join } from "node:path";
import { ledgerPlaceText } from "../config/ledger-place.ts";
import { ClosingBellError } from "../errors.ts";
import { linkNew, removeFile } from "../ledger/file/durable.ts";
import { isMissing, ledgerError, promises } from "../ledger/file/file-system.ts";
import { refuseLongPath } from "../ledger/file/lease.ts";
import {
  readIdentity,
  refusePlatform,
  refuseRemote,
  refuseUnsafe,
  type StoreIdentity,
} from "../ledger/file/state-directory.ts";
import type { Check, Finding } from "./check.ts";
import { type DoctorContext, ok, skipped, sourceText, warning } from "./context.ts";

/** A table, or a state directory that is there or can be made. */
export type LedgerAt = TablePlace | StatePlace;

export type TablePlace = { readonly type: "dynamodb"; readonly table: string };

export type StatePlace = {
  readonly type: "files";
  readonly directory: string;
  /** The directory itself or, where there is none yet, what it will be made in. */
  readonly existing: string;
  /** Undefined: nothing was recorded yet. */
  readonly identity: StoreIdentity | undefined;
};

/** Less room is worth a word. Bytes. */
const LITTLE_ROOM = 100 * 1024 * 1024;

/** The same for files. */
const FEW_FILES = 1000;

/** Whether runs can be recorded where the ledger is to be. Makes no directory. */
export function checkLedgerPlace(context: DoctorContext): Check<LedgerAt> {
  const { check, fs } = context;
  const place = check("ledger.place", {}, () => findPlace(context));
  check("ledger.local", { place }, ({ place }) =>
    ofFiles(place, async ({ existing }) => {
      await inLedgersWords(existing, () => refuseRemote(fs, existing));
      return ok(`${existing} is on a local file system`);
    }),
  );
  check("ledger.writable", { place }, ({ place }) =>
    ofFiles(place, (files) => inLedgersWords(files.existing, () => checkWritable(context, files))),
  );
  check("ledger.space", { place }, ({ place }) => ofFiles(place, checkSpace));
  return place;
}

/** What is looked at where there are files. */
function ofFiles(
  place: LedgerAt,
  examine: (files: StatePlace) => Promise<Finding>,
): Finding | Promise<Finding> {
  return place.type === "files" ? examine(place) : skipped("the ledger is no directory of files");
}

/** What the system says, as the ledger would say it. */
async function inLedgersWords<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ClosingBellError
      ? error
      : ledgerError("no run can be recorded", directory, error);
  }
}

async function findPlace({ settings, fs }: DoctorContext): Promise<Finding<LedgerAt>> {
  const { ledger } = settings;
  if (ledger === undefined) return skipped("needs config");
  const { value: place, origin } = ledger;
  const named = `${ledgerPlaceText(place)}, ${sourceText(origin)}`;
  if (place.type === "none") {
    return {
      ...ok(
        `${named}: gauges and run times are pushed as runs end, counters and histograms are left out`,
      ),
      without: "there is no ledger",
    };
  }
  if (place.type === "dynamodb") return ok(named, place);
  const { type, directory } = place;
  return inLedgersWords(directory, async () => {
    refusePlatform(fs);
    refuseLongPath(directory);
    const existing = await nearestExisting(directory);
    if (existing !== directory) {
      return ok(`${named}; the first run makes it`, {
        type,
        directory,
        existing,
        identity: undefined,
      });
    }
    await refuseUnsafe(fs, directory);
    const identity = await readIdentity(directory);
    const whose = identity === undefined ? "; it is empty" : `, ledger ${identity.ledger_id}`;
    return ok(`${named}${whose}`, { type, directory, existing, identity });
  });
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await promises().lstat(path);
    return path;
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error;
    return nearestExisting(dirname(path));
  }
}

/** Writes a file and links it, as a record is put there, and removes both. */
async function checkWritable(
  { fs }: DoctorContext,
  { directory, existing }: StatePlace,
): Promise<Finding> {
  if (existing !== directory) {
    await promises().access(existing, constants.W_OK | constants.X_OK);
    return ok(`${directory} can be made in ${existing}`);
  }
  // Passed over by all who list the directory, should we be killed here.
  const path = join(directory, `.tmp-doctor-${crypto.randomUUID()}`);
  try {
    await linkNew(fs, path, Buffer.from("closing-bell doctor\n"));
  } finally {
    await removeFile(path);
  }
  return ok(`a file was written in ${directory}, synced, linked and removed`);
}

async function checkSpace({ existing }: StatePlace): Promise<Finding> {
  const { bavail, bsize, files, ffree } = await promises().statfs(existing);
  const bytes = bavail * bsize;
  const room = `${bytesText(bytes)} free in ${existing}`;
  // Some file systems do not count files.
  const hasFiles = files === 0 || ffree > FEW_FILES;
  return bytes >= LITTLE_ROOM && hasFiles
    ? ok(room)
    : warning(
        `${room}${hasFiles ? "" : `, and room for ${ffree} files`}: when it is full, runs are written to the log ` +
          "instead of the ledger; free some space",
      );
}

function bytesText(bytes: number): string {
  const gibibytes = bytes / 1024 ** 3;
  return gibibytes >= 1 ? `${gibibytes.toFixed(1)} GiB` : `${(gibibytes * 1024).toFixed(1)} MiB`;
}
