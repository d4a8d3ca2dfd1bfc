/**
 * Sees to it that the real servers of the tests are there: `npm run servers`.
 *
 * A server is taken from PATH. One that is not there is downloaded as a Debian package, with the
 * packages it needs and this machine lacks, and unpacked below `.cache/servers`: nothing is
 * installed, no service is started, no right is needed, nothing outside that folder changes.
 * What was found where is left in `.cache/servers/servers.json`, for `servers.ts`.
 *
 * A server that cannot be had leaves its tests out, in one line; with `CI` set it is a failure.
 */
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * `commands` are names of the same program, the first one found is taken; `package` is the Debian
 * package that holds it. Two programs of one package are two entries. What is no program but a library
 * has the `file` by which it is found instead, and is always the package's: one version everywhere.
 * What a program `reads` of its package, it reads below the package's root once it is unpacked: see
 * `makeRelative`.
 */
const SERVERS = [
  {
    name: "pushgateway",
    commands: ["prometheus-pushgateway", "pushgateway"],
    package: "prometheus-pushgateway",
  },
  { name: "promtool", commands: ["promtool"], package: "prometheus" },
  { name: "prometheus", commands: ["prometheus"], package: "prometheus" },
  {
    name: "alertmanager",
    commands: ["prometheus-alertmanager", "alertmanager"],
    package: "prometheus-alertmanager",
    // Debian's own change: upstream has its default templates inside.
    reads: "/usr/share/prometheus/alertmanager",
  },
  { name: "amtool", commands: ["amtool"], package: "prometheus-alertmanager" },
  { name: "postgres", commands: ["postgres"], package: "postgresql-15" },
  { name: "initdb", commands: ["initdb"], package: "postgresql-15" },
  // The shell of the gateway's image.
  { name: "busybox", commands: ["busybox"], package: "busybox" },
  { name: "redis", commands: ["redis-server"], package: "redis-server" },
  // Needed by the one below, and so in its package's folder where the machine has none.
  { name: "python3", commands: ["python3"], package: "python3-prometheus-client" },
  {
    name: "prometheus_client",
    file: "usr/lib/python3/dist-packages/prometheus_client/__init__.py",
    package: "python3-prometheus-client",
  },
];

/** Deadline of one apt command, in milliseconds. */
const APT_TIMEOUT_MS = 5 * 60_000;

/** Age in milliseconds at which a download that was cut off is swept away. */
const STALE_DOWNLOAD_MS = 60 * 60_000;

const { CI, SERVERS_DIR, PATH = "" } = process.env;
const directory = resolve(
  SERVERS_DIR || fileURLToPath(new URL("../../.cache/servers", import.meta.url)),
);

main();

function main() {
  const wanted = SERVERS.filter((server) => locate(server) === undefined);
  const reason = wanted.length > 0 ? download(packagesOf(wanted)) : undefined;

  writeFound();
  const missing = SERVERS.filter((server) => locate(server) === undefined);
  if (missing.length === 0) return;

  const names = missing.map((server) => server.name).join(", ");
  const commands = missing.flatMap((server) => server.commands?.slice(0, 1) ?? []);
  const remedy = hasApt() ? "npm run servers" : `${withoutApt(commands)}, then npm run servers`;
  const why = reason ?? `not in ${packagesOf(missing).join(", ")}`;
  console.error(
    `Left out: the tests that need a real ${names} (${why}). To bring them: ${remedy}` +
      (CI ? " (CI is set: this is a failure)" : ""),
  );
  if (CI) process.exitCode = 1;
}

function withoutApt(commands) {
  return commands.length === 0 ? "install apt" : `put ${commands.join(", ")} on PATH`;
}

function packagesOf(servers) {
  return [...new Set(servers.map((server) => server.package))];
}

/**
 * Where a server is, the folders its shared libraries are in (none for one of the machine), and the
 * directory it must be started in, if there is one.
 */
function locate({ commands, file, package: name, reads }) {
  if (commands === undefined) {
    const path = join(unpackedRoot(name), file);
    return existsSync(path) ? { command: path, libraryPath: [] } : undefined;
  }
  const path = PATH.split(delimiter).filter(Boolean);
  // Beside `/usr/bin` is `/usr/lib`.
  const besides = path.flatMap((folder) => versionedFolders(resolve(folder, "../..")));
  const onMachine = firstCommand([...path, ...besides], commands);
  if (onMachine !== undefined) return { command: onMachine, libraryPath: [] };

  const root = unpackedRoot(name);
  // Until Debian 12 some programs are in /bin.
  const folders = ["usr/bin", "usr/sbin", "bin"].map((folder) => join(root, folder));
  const unpacked = firstCommand([...folders, ...versionedFolders(root)], commands);
  return (
    unpacked && {
      command: unpacked,
      libraryPath: libraryFolders(root),
      ...(reads === undefined ? {} : { directory: root }),
    }
  );
}

function firstCommand(folders, commands) {
  return commands
    .flatMap((command) => folders.filter(Boolean).map((folder) => resolve(join(folder, command))))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Debian keeps PostgreSQL's programs off PATH, in one folder per version. */
function versionedFolders(root) {
  const parent = join(root, "usr/lib/postgresql");
  return entries(parent).map((version) => join(parent, version, "bin"));
}

function libraryFolders(root) {
  return ["usr/lib", "lib"].flatMap((name) => {
    const folder = join(root, name);
    const multiarch = entries(folder).filter((entry) => entry.includes("-linux-gnu"));
    return [...multiarch.map((entry) => join(folder, entry)), folder].filter(existsSync);
  });
}

function entries(folder) {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** Each package has a root of its own, so that one rename brings it whole. */
function unpackedRoot(name) {
  return join(directory, "root", name);
}

function writeFound() {
  const found = Object.fromEntries(SERVERS.map((server) => [server.name, locate(server) ?? null]));
  const text = `${JSON.stringify(found, undefined, 2)}\n`;
  const file = join(directory, "servers.json");
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;

  mkdirSync(directory, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, file);
}

function hasApt() {
  return ["apt-get", "dpkg-deb"].every((name) => firstCommand(PATH.split(delimiter), [name]));
}

/** @returns why a package could not be had, `undefined` when all of them were unpacked. */
function download(packages) {
  if (!hasApt()) return "no apt here";
  sweepStaleDownloads();
  console.log(
    `Downloading ${packages.join(", ")} from Debian to ${relative("", directory) || "."}`,
  );

  mkdirSync(join(directory, "root"), { recursive: true });
  const temporary = mkdtempSync(join(directory, "download-"));
  try {
    const apt = privateApt(temporary);
    const update = apt("update");
    for (const name of packages) {
      const reason = fetchAndUnpack(name, { apt, temporary });
      if (reason !== undefined) return [reason, firstProblem(update)].filter(Boolean).join("; ");
    }
    return undefined;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** A run that was killed could not clean up. Younger folders may belong to a run still going on. */
function sweepStaleDownloads() {
  for (const entry of entries(directory).filter((name) => name.startsWith("download-"))) {
    const path = join(directory, entry);
    const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (modified < Date.now() - STALE_DOWNLOAD_MS) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * apt-get with the sources, keys and proxies of the machine and its list of installed packages, all
 * of which it only reads, and with lists, cache and lock of its own.
 */
function privateApt(temporary) {
  mkdirSync(join(temporary, "state/lists/partial"), { recursive: true });
  mkdirSync(join(temporary, "cache/archives/partial"), { recursive: true });
  const config = join(temporary, "apt.conf");
  // A file and not options: only a file can clear the hooks, which may write to the machine.
  // Without a sandbox user, because that user may not reach this folder.
  writeFileSync(
    config,
    `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "${join(temporary, "state")}";
Dir::State::lists "lists/";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "${join(temporary, "cache")}";
Dir::Cache::archives "archives/";
Debug::NoLocking "true";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
`,
  );
  return (...args) =>
    spawnSync("apt-get", ["-c", config, "-qq", ...args], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: APT_TIMEOUT_MS,
    });
}

/** @returns why it could not be had, `undefined` when it was. */
function fetchAndUnpack(name, { apt, temporary }) {
  apt("clean");
  // Again, where it is installed: what is no program is wanted here all the same.
  const fetched = apt("install", "--yes", "--reinstall", "--download-only", name);
  if (fetched.status !== 0) return firstProblem(fetched) ?? "apt-get gave no reason";

  const root = join(temporary, name);
  mkdirSync(root);
  const archives = join(temporary, "cache/archives");
  for (const archive of entries(archives).filter((file) => file.endsWith(".deb"))) {
    const unpacked = spawnSync("dpkg-deb", ["-x", join(archives, archive), root], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (unpacked.status !== 0) return `${archive} could not be unpacked`;
  }
  for (const { commands, reads } of SERVERS.filter((server) => server.package === name)) {
    const program = commands && firstCommand([join(root, "usr/bin")], commands);
    if (program !== undefined && reads !== undefined) makeRelative(program, reads);
  }

  try {
    renameSync(root, unpackedRoot(name));
  } catch (error) {
    // Another run unpacked it meanwhile.
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  }
  return undefined;
}

/**
 * Spells an absolute path inside a program as one relative to the directory it is started in. The
 * spelling has the same length, because nothing in a program may move.
 */
function makeRelative(program, path) {
  const [first, ...others] = path.slice(1).split("/");
  const relativePath = `${first}//${others.join("/")}`;
  const text = readFileSync(program, "latin1");
  writeFileSync(program, text.replaceAll(path, relativePath), "latin1");
}

function firstProblem({ stderr, error }) {
  return error?.message ?? /^[EW]: (.*)$/m.exec(stderr)?.[1];
}
