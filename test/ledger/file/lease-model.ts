import { claimLease, type LeaseDirectory } from "../../../src/ledger/file/lease.ts";

/**
 * An exhaustive model of the lease: every state that a few processes can reach which ask for it, get
 * it, release it, are stopped for any time and are killed anywhere. They run the real `claimLease`,
 * whose every operation is a step: a process's state is the list of answers it has had so far, and
 * running the code again with these leads to its next step (as in `proofs/ledger/model.ts`).
 */
export type Guards = {
  /** Whoever has linked a number looks whether it is the highest. */
  readonly secondLook: boolean;
  /** And whether it is still its own. */
  readonly stillOurs: boolean;
  /** Lower numbers are removed upwards. */
  readonly upwards: boolean;
  /** A release removes no number. */
  readonly keepsHighest: boolean;
  /** Nobody listens on the socket of one who released, left or was killed. */
  readonly socketsDie: boolean;
};

export const ALL_GUARDS: Guards = {
  secondLook: true,
  stillOurs: true,
  upwards: true,
  keepsHighest: true,
  socketsDie: true,
};

export type Scope = {
  /** Times that each process asks. */
  readonly asks: readonly number[];
  readonly kills: number;
};

export type Exploration = {
  readonly states: number;
  /** Most numbers that were linked. */
  readonly highest: number;
  /** The first state that breaks an invariant, and how it came about. */
  readonly violation?: { readonly invariant: string; readonly steps: readonly string[] };
};

type Step =
  | { readonly type: "list" }
  | { readonly type: "holder" | "link" | "isOurs" | "remove"; readonly number: number };

type Answer = boolean | readonly number[];

/** A number, and the socket that has it. */
type Name = readonly [number: number, socket: string];

type Process = {
  readonly phase: "idle" | "asking" | "holding";
  /** Left to begin. Names its socket, too: one per time. */
  readonly asks: number;
  readonly answers: readonly Answer[];
  /** What was there when the listing began that it is at. */
  readonly listing: readonly Name[] | undefined;
  /** Since it began to ask, somebody held, or was killed who might have. */
  readonly hasSeen: boolean;
};

const IDLE = { phase: "idle", answers: [], listing: undefined, hasSeen: false } as const;

type World = {
  /** Ascending. */
  readonly names: readonly Name[];
  readonly processes: readonly Process[];
  readonly kills: number;
};

type Next = Step | { readonly type: "taken" } | { readonly type: "held" };

/** Breadth first, so that what is found is found on a shortest way. */
export async function explore(
  { asks, kills }: Scope,
  guards: Guards = ALL_GUARDS,
): Promise<Exploration> {
  const processes = asks.map((times): Process => ({ ...IDLE, asks: times }));
  const known = new Map<string, { readonly from?: string; readonly step: string }>();
  let front: World[] = [{ names: [], processes, kills }];
  let highest = 0;
  known.set(keyOf(front[0] as World), { step: "" });

  while (front.length > 0) {
    const reached: World[] = [];
    for (const world of front) {
      const from = keyOf(world);
      for (const { step, to, problem } of await successors(world, guards)) {
        if (problem !== undefined) {
          const violation = { invariant: problem, steps: [...wayTo(known, from), step] };
          return { states: known.size, highest, violation };
        }
        const key = keyOf(to);
        if (known.has(key)) continue;
        known.set(key, { from, step });
        highest = Math.max(highest, to.names.at(-1)?.[0] ?? 0);
        reached.push(to);
      }
    }
    front = reached;
  }
  return { states: known.size, highest };
}

type Successor = { readonly step: string; readonly to: World; readonly problem?: string };

async function successors(world: World, guards: Guards): Promise<Successor[]> {
  const found: Successor[] = [];
  for (const [index, process] of world.processes.entries()) {
    const add = (step: string, change: Partial<World>, changed: Partial<Process>) => {
      const processes = world.processes.with(index, { ...process, ...changed });
      found.push(checked(`${index} ${step}`, { ...world, ...change, processes }, index));
    };
    if (process.phase === "idle") {
      const hasSeen = world.processes.some(({ phase }) => phase === "holding");
      const asking = { phase: "asking", hasSeen, listing: world.names } as const;
      if (process.asks > 0) add("begins to list", {}, asking);
      continue;
    }
    const gone = { ...IDLE, asks: process.asks - 1 };
    if (world.kills > 0) add("is killed", { kills: world.kills - 1 }, gone);
    if (process.phase === "holding") {
      const socket = socketOf(index, process);
      const left = world.names.filter(([, each]) => each !== socket);
      add("releases", guards.keepsHighest ? {} : { names: left }, gone);
      continue;
    }
    const step = await nextStep(process.answers);
    if (step.type === "taken") add("takes", {}, { phase: "holding" });
    else if (step.type === "held") {
      add(process.hasSeen || mayBeTaken(world) ? "leaves" : "leaves in vain", {}, gone);
    } else if (step.type === "list" && process.listing === undefined) {
      add("begins to list", {}, { listing: world.names });
    } else {
      for (const { names, answer } of outcomes(world, index, step, guards)) {
        const told = `${describe(step)}: ${JSON.stringify(answer)}`;
        add(told, { names }, { answers: [...process.answers, answer], listing: undefined });
      }
    }
  }
  return found;
}

type Outcome = { readonly names: readonly Name[]; readonly answer: Answer };

/** What may come of an operation. */
function outcomes(world: World, index: number, step: Step, guards: Guards): readonly Outcome[] {
  const { names } = world;
  const process = world.processes[index] as Process;
  const socket = socketOf(index, process);
  switch (step.type) {
    case "list": {
      const ours = names.find(([, each]) => each === socket)?.[0];
      const hasLinked = process.answers.some((answer) => answer === true);
      if (!guards.secondLook && hasLinked && ours !== undefined) {
        return [{ names, answer: names.map(([number]) => number).filter((each) => each <= ours) }];
      }
      return listings(process.listing ?? [], names).map((answer) => ({ names, answer }));
    }
    case "holder": {
      const there = names.find(([number]) => number === step.number);
      const answers = there !== undefined && (isAlive(world, there[1]) || !guards.socketsDie);
      return [{ names, answer: answers }];
    }
    case "link": {
      if (names.some(([number]) => number === step.number)) return [{ names, answer: false }];
      const linked: Name[] = [...names, [step.number, socket]];
      return [{ names: linked.sort(([a], [b]) => a - b), answer: true }];
    }
    case "isOurs": {
      const there = names.find(([number]) => number === step.number)?.[1] === socket;
      return [{ names, answer: there || !guards.stillOurs }];
    }
    case "remove": {
      const target = guards.upwards ? step.number : mirrored(process.answers, step.number);
      return [{ names: names.filter(([number]) => number !== target), answer: true }];
    }
    default:
      return step satisfies never;
  }
}

/** What is there all the time is listed; what comes or goes meanwhile may be. */
function listings(before: readonly Name[], after: readonly Name[]): readonly (readonly number[])[] {
  const has = (names: readonly Name[], [number, socket]: Name) =>
    names.some((each) => each[0] === number && each[1] === socket);
  const certain = new Set(before.filter((each) => has(after, each)).map(([number]) => number));
  const changing = new Set([...before, ...after].map(([number]) => number));
  let found: number[][] = [[...certain]];
  for (const number of changing) {
    if (!certain.has(number)) found = found.flatMap((each) => [each, [...each, number]]);
  }
  return found.map((each) => each.sort((a, b) => a - b));
}

/** The number that is removed in its stead by one who goes downwards. */
function mirrored(answers: readonly Answer[], number: number): number | undefined {
  const second = answers.filter((answer): answer is readonly number[] => Array.isArray(answer))[1];
  const lower = second?.slice(0, -1) ?? [];
  return lower.at(-1 - lower.indexOf(number));
}

function checked(step: string, world: World, actor: number): Successor {
  const isHolding = world.processes.map(({ phase }) => phase === "holding");
  const holders = isHolding.filter(Boolean).length;
  if (holders > 1) return { step, to: world, problem: "two holders" };
  if (step.endsWith("leaves in vain")) return { step, to: world, problem: "refused in vain" };
  const seen = holders > 0 || step.endsWith("is killed");
  const processes = world.processes.map((process, index) =>
    seen && index !== actor && process.phase === "asking" ? { ...process, hasSeen: true } : process,
  );
  return { step, to: { ...world, processes } };
}

/** Somebody is about to find that it has the lease. */
function mayBeTaken(world: World): boolean {
  const highest = world.names.at(-1);
  return highest !== undefined && isAlive(world, highest[1]);
}

function isAlive({ processes }: World, socket: string): boolean {
  return processes.some(
    (process, index) => process.phase !== "idle" && socketOf(index, process) === socket,
  );
}

function socketOf(index: number, { asks }: Process): string {
  return `${index}.${asks}`;
}

const steps = new Map<string, Promise<Next>>();

/** What `claimLease` does next that has had these answers. */
function nextStep(answers: readonly Answer[]): Promise<Next> {
  const key = JSON.stringify(answers);
  const step = steps.get(key) ?? replay(answers);
  steps.set(key, step);
  return step;
}

function replay(answers: readonly Answer[]): Promise<Next> {
  const left = [...answers];
  return new Promise((resolve, reject) => {
    // Past the last answer it waits for ever.
    const ask = (step: Step) => {
      if (left.length > 0) return Promise.resolve(left.shift());
      resolve(step);
      return new Promise<never>(() => {});
    };
    const directory: LeaseDirectory = {
      list: async () => (await ask({ type: "list" })) as readonly number[],
      holder: async (number) => ((await ask({ type: "holder", number })) ? "somebody" : undefined),
      link: async (number) => (await ask({ type: "link", number })) === true,
      isOurs: async (number) => (await ask({ type: "isOurs", number })) === true,
      remove: async (number) => void (await ask({ type: "remove", number })),
    };
    claimLease(directory).then(({ status }) => resolve({ type: status }), reject);
  });
}

function describe(step: Step): string {
  return step.type === "list" ? "has listed" : `${step.type} ${step.number}`;
}

function keyOf(world: World): string {
  return JSON.stringify(world);
}

function wayTo(
  known: ReadonlyMap<string, { readonly from?: string; readonly step: string }>,
  key: string,
): readonly string[] {
  const way: string[] = [];
  for (let at: string | undefined = key; at !== undefined; at = known.get(at)?.from) {
    way.unshift(known.get(at)?.step ?? "");
  }
  return way.filter((step) => step !== "");
}
