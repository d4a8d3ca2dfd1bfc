import { claimVersion } from "../../../src/ledger/file/versions.ts";
import { type FoldStore, foldRound } from "../../../src/ledger/fold-round.ts";
import { decodeSnapshot } from "../../../src/ledger/snapshot.ts";
import { snapshotFamilies } from "../../../src/ledger/snapshot-families.ts";
import type { RunRecord } from "../../../src/record/run-record.ts";
import { counter, GROUP, success } from "../../support/run-records.ts";

/**
 * An exhaustive model of append and fold: every state that a few records, two folders and all their
 * possible interleavings, crashes and lost answers can reach.
 *
 * The folders are not modelled: they are the real `foldRound` over a store whose every operation is a
 * step. A folder's state is the list of answers it has had so far, and running the code again with
 * these answers leads to its next step, so that any interleaving can be tried from any state.
 *
 * One long file: the search, the store and the folders in it make sense only together.
 */
export type Guards = {
  /** A version's name is taken by its first link. */
  readonly compareAndSwap: boolean;
  /** A record that has a done mark is not taken. */
  readonly doneCheck: boolean;
  /** The records of the newest version are marked before the next one is written. */
  readonly finishingFirst: boolean;
  /** A link counts as won only if no higher version is there afterwards. */
  readonly linkWinCheck: boolean;
};

export const ALL_GUARDS: Guards = {
  compareAndSwap: true,
  doneCheck: true,
  finishingFirst: true,
  linkWinCheck: true,
};

export type Scope = {
  /** Times that each record is appended: what exceeds one is a repetition, e.g. after a lost answer. */
  readonly appends: readonly number[];
  readonly folders: number;
  /** Snapshots that are not pruned. */
  readonly kept: number;
};

export type Exploration = {
  readonly states: number;
  /** Snapshots written, by content: how many different histories there are. */
  readonly snapshots: number;
  /** States in which nobody was folding: from each of them, one folder alone counted everything. */
  readonly settled: number;
  /** The first state that breaks an invariant, and how it came about. */
  readonly violation?: { readonly invariant: string; readonly steps: readonly string[] };
};

/** One operation on one item of the store. */
type Step =
  | { readonly type: "read newest" | "list pending" | "list versions" }
  | { readonly type: "is done" | "read pending" | "delete pending"; readonly id: number }
  | { readonly type: "put done"; readonly id: number; readonly version: number }
  | { readonly type: "link"; readonly version: number; readonly content: number }
  | { readonly type: "remove"; readonly version: number };

type Answer = number | boolean | readonly number[];

/** Everything as small integers; records by index, snapshots by the index of their content. */
type World = {
  /** Bit per record. */
  readonly pending: number;
  readonly done: number;
  /** Version and content, ascending. */
  readonly versions: readonly (readonly [version: number, content: number])[];
  /** Appends that each record has left. */
  readonly appends: readonly number[];
  /** Per folder: its trace, or -1 when it is not at it. Sorted: folders are alike. */
  readonly folders: readonly number[];
};

const IDLE = -1;

/** What is pending is listed in one answer, as bits: a record's content never changes. */
export async function explore(scope: Scope, guards: Guards): Promise<Exploration> {
  const records = scope.appends.map((_, index) =>
    success(`${index}`, [counter("n_total", 1, { record: `${index}` })]),
  );
  const contents = createContents(records);
  const programs = createPrograms(records, contents, guards, scope.kept);

  const start: World = {
    pending: 0,
    done: 0,
    versions: [],
    appends: scope.appends,
    folders: Array.from({ length: scope.folders }, () => IDLE),
  };
  const indexes = new Map([[keyOf(start), 0]]);
  const worlds: World[] = [start];
  const cameFrom: { readonly index: number; readonly step: string }[] = [{ index: -1, step: "" }];
  const stepsTo = (world: number): string[] => {
    const steps: string[] = [];
    for (let at = world; at > 0; at = cameFrom[at]?.index ?? 0) {
      steps.unshift(cameFrom[at]?.step ?? "");
    }
    return steps;
  };
  let settled = 0;
  const result = () => ({ states: worlds.length, snapshots: contents.size(), settled });

  for (let index = 0; index < worlds.length; index++) {
    const world = worlds[index] as World;
    for (const { step, next } of await successors(world)) {
      const key = keyOf(next);
      if (indexes.has(key)) continue;
      indexes.set(key, worlds.length);
      worlds.push(next);
      cameFrom.push({ index, step });
      const invariant = brokenInvariant(world, next);
      if (invariant !== undefined) {
        return { ...result(), violation: { invariant, steps: stepsTo(worlds.length - 1) } };
      }
    }
    if (world.folders.every((folder) => folder === IDLE)) {
      settled++;
      const invariant = await unsettled(world);
      if (invariant !== undefined) {
        return { ...result(), violation: { invariant, steps: stepsTo(index) } };
      }
    }
  }
  return result();

  /** What is wrong once one folder has been left alone until it finds nothing more to do. */
  async function unsettled(from: World): Promise<string | undefined> {
    let world = from;
    for (let before = ""; before !== keyOf(world); ) {
      before = keyOf(world);
      for (let trace = programs.start; trace !== IDLE; ) {
        const step = await programs.next(trace);
        const [outcome] = step === undefined ? [] : outcomes(world, step);
        if (outcome === undefined) break;
        world = outcome.world;
        trace = await programs.answer(trace, outcome.answer);
      }
    }
    if (world.pending !== 0) return "I2: a record stays pending for ever";
    const counts = contents.counts(world.versions.at(-1)?.[1]);
    const isWrong = scope.appends.some((appends, id) => {
      return (world.appends[id] === appends ? 0 : 1) !== counts[id];
    });
    return isWrong ? `I1: the totals are ${counts}` : undefined;
  }

  async function successors(world: World): Promise<{ step: string; next: World }[]> {
    const found: { step: string; next: World }[] = [];
    for (const [id, left] of world.appends.entries()) {
      if (left === 0) continue;
      const appends = world.appends.with(id, left - 1);
      const next = { ...world, pending: world.pending | (1 << id), appends };
      found.push({ step: `append ${id}`, next });
    }
    for (const [index, trace] of world.folders.entries()) {
      // Folders are alike: what one of two equals can do, the other can.
      if (index > 0 && world.folders[index - 1] === trace) continue;
      const at = (folder: number) => sortedFolders(world.folders.with(index, folder));
      if (trace === IDLE) {
        found.push({ step: "folder starts", next: { ...world, folders: at(programs.start) } });
        continue;
      }
      found.push({ step: "folder is killed", next: { ...world, folders: at(IDLE) } });
      const step = await programs.next(trace);
      // An ended folder is one that may begin again.
      if (step === undefined) continue;
      for (const { world: changed, answer } of outcomes(world, step)) {
        const moved = await programs.answer(trace, answer);
        const label = `folder ${index}: ${describe(step)} -> ${JSON.stringify(answer)}`;
        found.push({ step: label, next: { ...changed, folders: at(moved) } });
      }
    }
    return found;
  }

  function outcomes(world: World, step: Step): { world: World; answer: Answer }[] {
    const { pending, done, versions } = world;
    switch (step.type) {
      case "read newest":
        return [{ world, answer: (versions.at(-1) ?? [0, -1]) as readonly number[] }];
      case "list pending":
        return [{ world, answer: pending }];
      case "list versions":
        return [{ world, answer: versions.map(([version]) => version) }];
      case "is done":
        return [{ world, answer: (done & (1 << step.id)) !== 0 }];
      case "read pending":
        return [{ world, answer: (pending & (1 << step.id)) !== 0 }];
      case "delete pending":
        return [{ world: { ...world, pending: pending & ~(1 << step.id) }, answer: true }];
      case "put done":
        return [{ world: { ...world, done: done | (1 << step.id) }, answer: true }];
      case "remove": {
        const rest = versions.filter(([version]) => version !== step.version);
        return [{ world: { ...world, versions: rest }, answer: true }];
      }
      case "link": {
        const isTaken = versions.some(([version]) => version === step.version);
        if (isTaken && guards.compareAndSwap) return [{ world, answer: false }];
        const others = versions.filter(([version]) => version !== step.version);
        const linked = [...others, [step.version, step.content] as const];
        const changed = { ...world, versions: linked.sort(([a], [b]) => a - b) };
        // The answer may be lost, and the repetition then finds the name taken: by its own link.
        return [
          { world: changed, answer: true },
          { world: changed, answer: false },
        ];
      }
      default:
        return step satisfies never;
    }
  }

  function brokenInvariant(before: World, world: World): string | undefined {
    const counts = contents.counts(world.versions.at(-1)?.[1]);
    const countsBefore = contents.counts(before.versions.at(-1)?.[1]);
    for (const [id, count] of counts.entries()) {
      const isCommitted = (world.appends[id] ?? 0) < (scope.appends[id] ?? 0);
      const isPending = (world.pending & (1 << id)) !== 0;
      if (count > 1) return `I1: record ${id} is in the totals ${count} times`;
      if (count < (countsBefore[id] ?? 0)) return `I1: record ${id} left the totals`;
      if (isCommitted && !isPending && count === 0) return `I2: record ${id} is nowhere`;
      const isDone = (world.done & (1 << id)) !== 0;
      if (isDone && count === 0) return `I2: record ${id} is marked and not counted`;
    }
    return undefined;
  }
}

/** Contents of snapshots by index, and how often each record is in them. */
function createContents(records: readonly RunRecord[]) {
  const indexes = new Map<string, number>();
  const known: { readonly bytes: Buffer; readonly counts: readonly number[] }[] = [];
  const none = records.map(() => 0);
  return {
    size: () => known.length,
    bytes: (index: number) => known[index]?.bytes ?? Buffer.alloc(0),
    counts: (index: number | undefined) => known[index ?? -1]?.counts ?? none,
    add(version: number, bytes: Buffer): number {
      const key = bytes.toString("latin1");
      const index = indexes.get(key);
      if (index !== undefined) return index;
      const family = snapshotFamilies(decodeSnapshot(GROUP, { version, bytes }))[0];
      const counts = records.map((_, id) => {
        const sample = family?.samples.find(({ labels }) => labels["record"] === `${id}`);
        return sample !== undefined && "value" in sample ? sample.value : 0;
      });
      indexes.set(key, known.length);
      known.push({ bytes, counts });
      return known.length - 1;
    },
  };
}

/**
 * The real fold, step by step. A trace is a node in a tree: the answers that lead to it. What comes
 * next is computed once per trace, by running the code from its beginning.
 */
function createPrograms(
  records: readonly RunRecord[],
  contents: ReturnType<typeof createContents>,
  guards: Guards,
  kept: number,
) {
  type Trace = {
    readonly parent: number;
    readonly answer: Answer | undefined;
    readonly children: Map<string, number>;
    next: Promise<Step | undefined> | undefined;
  };
  const traces: Trace[] = [{ parent: -1, answer: undefined, children: new Map(), next: undefined }];

  function answersOf(trace: number): Answer[] {
    const answers: Answer[] = [];
    for (let at = trace; at > 0; at = traces[at]?.parent ?? -1) {
      answers.unshift(traces[at]?.answer as Answer);
    }
    return answers;
  }

  function run(answers: readonly Answer[]): Promise<Step | undefined> {
    return new Promise((resolve, reject) => {
      let given = 0;
      const ask = async (step: Step): Promise<Answer> => {
        if (given < answers.length) return answers[given++] as Answer;
        resolve(step);
        // The rest of this run is never needed.
        return new Promise<never>(() => {});
      };
      foldRound(storeOver(ask), GROUP).then(() => resolve(undefined), reject);
    });
  }

  function storeOver(ask: (step: Step) => Promise<Answer>): FoldStore {
    const idOf = (id: string) => records.findIndex((record) => record.id === id);
    const recordOf = (id: string) => records[idOf(id)] as RunRecord;
    let base = 0;
    return {
      async readSnapshot() {
        const [version, content] = (await ask({ type: "read newest" })) as [number, number];
        base = version;
        return version === 0 ? undefined : { version, bytes: contents.bytes(content) };
      },
      async *pending() {
        const bits = (await ask({ type: "list pending" })) as number;
        for (const [id, record] of records.entries()) {
          if ((bits & (1 << id)) !== 0) yield { status: "record", record };
        }
      },
      async readPending(_, ids) {
        const found: RunRecord[] = [];
        for (const id of ids) {
          if (await ask({ type: "read pending", id: idOf(id) })) found.push(recordOf(id));
        }
        return found;
      },
      async deletePending(_, ids) {
        for (const id of ids) await ask({ type: "delete pending", id: idOf(id) });
      },
      async done(_, ids) {
        // The fold asks twice: for the ids of the version it read, then for those it would take.
        const isAboutLast = base > 0;
        base = 0;
        if (isAboutLast && !guards.finishingFirst) return new Set(ids);
        if (!isAboutLast && !guards.doneCheck) return new Set();
        const found = new Set<string>();
        for (const id of ids) if (await ask({ type: "is done", id: idOf(id) })) found.add(id);
        return found;
      },
      async putDone(_, marks) {
        for (const { record, version } of marks) {
          await ask({ type: "put done", id: idOf(record.id), version });
        }
      },
      async writeSnapshot(_, { version, bytes }) {
        const content = contents.add(version, bytes);
        return claimVersion(version, kept, {
          link: async () => (await ask({ type: "link", version, content })) as boolean,
          async list() {
            const versions = (await ask({ type: "list versions" })) as readonly number[];
            return guards.linkWinCheck ? versions : versions.filter((each) => each <= version);
          },
          remove: async (old) => {
            await ask({ type: "remove", version: old });
          },
        });
      },
      async prune() {},
    };
  }

  function next(trace: number): Promise<Step | undefined> {
    const node = traces[trace] as Trace;
    node.next ??= run(answersOf(trace));
    return node.next;
  }

  return {
    start: 0,
    next,
    /** The trace that an answer leads to; idle when it was the last one. */
    async answer(trace: number, answer: Answer): Promise<number> {
      const { children } = traces[trace] as Trace;
      const key = JSON.stringify(answer);
      const known = children.get(key);
      if (known !== undefined) return known;
      const index = traces.length;
      traces.push({ parent: trace, answer, children: new Map(), next: undefined });
      const reached = (await next(index)) === undefined ? IDLE : index;
      children.set(key, reached);
      return reached;
    },
  };
}

function sortedFolders(folders: readonly number[]): readonly number[] {
  return folders.toSorted((a, b) => a - b);
}

function keyOf({ pending, done, versions, appends, folders }: World): string {
  return `${pending}|${done}|${versions.join(";")}|${appends.join()}|${folders.join()}`;
}

function describe({ type, ...rest }: Step): string {
  const details = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  return [type, ...details].join(" ");
}
