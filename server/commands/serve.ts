import { type Command, Option } from 'commander';
import type { RunningServer } from '../index.js';
import { installedFamilyFolders, shippedFamilyFolders } from '../known-families.js';
import { defaultListen, ListenError } from '../listen-address.js';
import { type LogLevel, logLevels } from '../log.js';
import { version } from '../package-paths.js';

interface ServeOptions {
  readonly listen: string;
  readonly json?: true;
  readonly insecure?: true;
  readonly families: readonly string[];
  readonly logLevel: LogLevel;
  readonly private?: true;
}

/** `gymlink serve`: runs a server until it is told to stop. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('serve environments')
    .option('--listen <address>', 'HOST:PORT (port 0 picks a free one) or unix:PATH', defaultListen)
    .option('--json', 'print {address, version, pid} as the first line of standard output')
    .option('--insecure', 'allow an address that other machines can reach (nothing is encrypted)')
    .option('--families <dir...>', 'folders of further families, built and started at once', [])
    .addOption(new Option('--log-level <level>', 'what to log').choices(logLevels).default('info'))
    .addOption(new Option('--private', 'as launch() of the client needs it').hideHelp())
    .addHelpText(
      'after',
      `
Examples:
  gymlink serve
  gymlink serve --listen 127.0.0.1:0 --json
  gymlink serve --listen unix:/run/user/1000/gymlink.sock
  gymlink serve --families ./my-family

Families that come with gymlink, or with Python packages that python3 on PATH has (entry points "gymlink.families"), are built and
started when they are first asked for.

The log goes to standard error, one JSON object a line.
Exit codes: 0 after SIGINT or SIGTERM, 1 when the server cannot start or was forced to stop by a second signal.`,
    )
    .action(runServer);
}

async function runServer(options: ServeOptions): Promise<void> {
  const { listen, logLevel, insecure = false } = options;
  const [defaultFolder = '', ...shipped] = shippedFamilyFolders();
  const families = [defaultFolder, ...options.families];
  // Python is asked while the server's modules load.
  const [installed, { serve }] = await Promise.all([
    installedFamilyFolders(),
    import('../index.js'),
  ]);
  const familiesOnDemand = [...shipped, ...installed];
  const served = { listen, logLevel, insecure, families, familiesOnDemand };
  const server = await serve(served).catch((error: unknown) => {
    if (!(error instanceof ListenError)) throw error;
    console.error(`gymlink: ${error.message}`);
    process.exit(1);
  });
  stopOnSignal(server);
  if (options.private) await prepareForLaunch(server);
  announce(server, options.json === true);
}

/** A private server ends with the process that launched it, and installs Python packages before that opens environments. */
async function prepareForLaunch(server: RunningServer): Promise<void> {
  process.stdin.resume().once('close', () => void stop(server));
  await server.installed;
}

function announce({ address }: RunningServer, json: boolean): void {
  const { pid } = process;
  console.log(
    json ? JSON.stringify({ address, version, pid }) : `gymlink ${version} listens on ${address}`,
  );
}

function stopOnSignal(server: RunningServer): void {
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      signals += 1;
      // The sidecars leave by themselves when this process ends.
      if (signals > 1) process.exit(1);
      void stop(server);
    });
}

async function stop(server: RunningServer): Promise<void> {
  await server.close();
  process.exit(0);
}
