import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "@jest/globals";
import { type RealServer, startRealServer } from "./servers.ts";

const folders: string[] = [];

// After the servers were stopped: their file was imported first.
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Starts an Alertmanager that knows no silence and no alert yet, and is alone. */
export async function startAlertmanager(configuration: string): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), "closing-bell-alertmanager-"));
  folders.push(folder);
  const configFile = join(folder, "alertmanager.yml");
  writeFileSync(configFile, configuration);

  return startRealServer({
    name: "alertmanager",
    args: (address) => [
      `--config.file=${configFile}`,
      `--storage.path=${join(folder, "data")}`,
      `--web.listen-address=${address}`,
      `--web.external-url=http://${address}`,
      // With an address it waits ten seconds for others before its first notification.
      "--cluster.listen-address=",
      "--log.level=warn",
    ],
  });
}
