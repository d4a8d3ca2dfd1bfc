import { readFile, rename, writeFile } from "node:fs/promises";
import { InvalidInputError, messageOf } from "../errors.ts";
import { groupId, type Store, type StoredFamily } from "./store.ts";

/** First line of the file, so that another program's file is not taken for ours. */
const FORMAT = "closing-bell pushgateway 1";

/**
 * The store that a file holds; an empty one when there is no file.
 *
 * @throws {InvalidInputError} when there is one that is not ours or cannot be read.
 */
export async function loadStore(file: string): Promise<Store> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw new InvalidInputError(`persistence file ${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const [format, json = ""] = text.split("\n", 2);
  if (format !== FORMAT) {
    throw new InvalidInputError(
      `persistence file ${file} was not written by this gateway: it does not begin with "${FORMAT}"`,
    );
  }
  try {
    return storeFrom(JSON.parse(json, (_key, value) => unwrapped(value)));
  } catch (error) {
    throw new InvalidInputError(`persistence file ${file} is damaged: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Written to a temporary file and renamed, without fsync, as the real gateway does. */
export async function saveStore(file: string, store: Store): Promise<void> {
  const groups = [...store.values()].map(({ labels, families }) => ({
    labels,
    families: [...families.values()],
  }));
  const inProgress = `${file}.in_progress.${process.pid}`;
  const json = JSON.stringify(groups, (_key, value) => wrapped(value));
  await writeFile(inProgress, `${FORMAT}\n${json}\n`);
  await rename(inProgress, file);
}

type SavedGroup = {
  readonly labels: Readonly<Record<string, string>>;
  readonly families: readonly StoredFamily[];
};

function storeFrom(groups: readonly SavedGroup[]): Store {
  return new Map(
    groups.map(({ labels, families }) => [
      groupId(labels),
      { labels, families: new Map(families.map((stored) => [stored.family.name, stored])) },
    ]),
  );
}

/** JSON has no infinities, no NaN and no negative zero. */
function wrapped(value: unknown): unknown {
  if (Object.is(value, -0)) return { number: "-0" };
  return typeof value === "number" && !Number.isFinite(value) ? { number: `${value}` } : value;
}

function unwrapped(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value);
  const { number } = value as { number?: unknown };
  return keys.length === 1 && typeof number === "string" ? Number(number) : value;
}
