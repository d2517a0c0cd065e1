import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { dirname, join } from "node:path";

/** Addresses of Google's emulators, `host:port`; a member is undefined where its jar or Java is missing. */
export interface Emulators {
  firestore: string | undefined;
  pubsub: string | undefined;
  stop(): Promise<void>;
}

const startDeadlineSeconds = 60;

/**
 * Starts Google's Firestore and Pub/Sub emulators from the Cloud SDK on this machine, on free ports. Where
 * `CA_FIRESTORE_EMULATOR` and `CA_PUBSUB_EMULATOR` (`host:port`) name running ones, those are used and left running.
 */
export async function startEmulators(): Promise<Emulators> {
  const running = runningEmulators();
  if (running !== undefined) return running;
  const platform = sdkPlatformFolder();
  if (platform === undefined || !hasJava()) return { firestore: undefined, pubsub: undefined, stop: async () => {} };
  const [firestore, pubsub] = await Promise.all([
    start(firestoreArguments(platform)),
    start(pubsubArguments(platform)),
  ]);
  return {
    firestore: firestore?.address,
    pubsub: pubsub?.address,
    stop: async () => {
      await Promise.all([stop(firestore?.process), stop(pubsub?.process)]);
    },
  };
}

function runningEmulators(): Emulators | undefined {
  const [firestore, pubsub] = [process.env["CA_FIRESTORE_EMULATOR"], process.env["CA_PUBSUB_EMULATOR"]];
  return firestore && pubsub ? { firestore, pubsub, stop: async () => {} } : undefined;
}

function firestoreArguments(platform: string): string[] | undefined {
  const jar = join(platform, "cloud-firestore-emulator", "cloud-firestore-emulator.jar");
  if (!existsSync(jar)) return undefined;
  const main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore";
  return ["-Duser.language=en", "-XX:+UseSerialGC", "-Xmx1g", "-XX:TieredStopAtLevel=1", "-cp", jar, main];
}

function pubsubArguments(platform: string): string[] | undefined {
  const lib = join(platform, "pubsub-emulator", "lib");
  if (!existsSync(lib)) return undefined;
  const jar = readdirSync(lib).find((name) => /^cloud-pubsub-emulator-.*-all\.jar$/.test(name));
  return jar === undefined ? undefined : ["-XX:+UseSerialGC", "-Xmx256m", "-jar", join(lib, jar)];
}

function sdkPlatformFolder(): string | undefined {
  const roots = [process.env["CLOUDSDK_ROOT_DIR"], sdkOfGcloud(), "/usr/lib/google-cloud-sdk"];
  return (
    roots.map((root) => root && join(root, "platform")).find((folder) => folder && existsSync(folder)) || undefined
  );
}

function sdkOfGcloud(): string | undefined {
  try {
    const gcloud = execFileSync("sh", ["-c", 'readlink -f "$(command -v gcloud)"'], { encoding: "utf8" }).trim();
    return gcloud === "" ? undefined : dirname(dirname(gcloud));
  } catch {
    return undefined;
  }
}

function hasJava(): boolean {
  try {
    execFileSync("java", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function start(
  javaArguments: string[] | undefined,
): Promise<{ process: ChildProcess; address: string } | undefined> {
  if (javaArguments === undefined) return undefined;
  const port = await freePort();
  const child = spawn("java", [...javaArguments, "--host=127.0.0.1", `--port=${port}`], { stdio: "ignore" });
  await untilListening(port, child);
  return { process: child, address: `127.0.0.1:${port}` };
}

function stop(child: ChildProcess | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** A loopback port that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + startDeadlineSeconds * 1000;
  while (!(await canConnect(port))) {
    if (child.exitCode !== null) throw new Error(`emulator exited with code ${child.exitCode} before it listened`);
    if (Date.now() > deadline) throw new Error(`emulator did not listen on port ${port} in ${startDeadlineSeconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket.destroy() !== undefined));
    socket.once("error", () => resolve(false));
  });
}
