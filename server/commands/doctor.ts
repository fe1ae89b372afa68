import { statfs } from 'node:fs/promises';
import type { Command } from 'commander';
import { readFamily } from '../family.js';
import { defaultDeadlines } from '../limits.js';
import { createLog } from '../log.js';
import { defaultFamilyFolder } from '../package-paths.js';
import { locatePythonEnv } from '../python-env.js';
import { findPython } from '../python-finder.js';
import { Supervisor } from '../supervisor.js';

/** One thing that was looked at. `mend` says what to do about a `missing` thing, or what a `note` means. */
interface Finding {
  readonly name: string;
  readonly status: 'ok' | 'note' | 'missing';
  readonly found: string;
  readonly mend?: string;
}

/** Loads TensorFlow.js and says with which backend; fails when it is not installed. */
export type FindCompute = () => Promise<{ readonly backend: string; readonly reason: string }>;

const startDeadlineMs = 60_000;
const minNode = [20, 9] as const;

/** `gymlink doctor`: what is installed, what is missing, how to mend it. */
export function doctorCommand(program: Command, findCompute: FindCompute): void {
  program
    .command('doctor')
    .description('say what is installed, what is missing, and how to mend it')
    .option('--json', 'print {ok, findings} as JSON')
    .addHelpText('after', '\nExit codes: 0 when all is well, 1 when something is missing.')
    .action(async ({ json }: { readonly json?: true }) => {
      const findings = await examine(findCompute);
      const ok = findings.every(({ status }) => status !== 'missing');
      console.log(
        json ? JSON.stringify({ ok, findings }, null, 2) : findings.map(describe).join('\n'),
      );
      process.exitCode = ok ? 0 : 1;
    });
}

async function examine(findCompute: FindCompute): Promise<Finding[]> {
  const python = await examinePython();
  const environment = python.status === 'ok' ? await examineEnvironment() : undefined;
  const sidecar = environment?.status === 'ok' ? await examineSidecar() : undefined;
  const more = [environment, sidecar].filter((finding) => finding !== undefined);
  return [
    examineNode(),
    examinePlatform(),
    python,
    ...more,
    await examineSharedMemory(),
    await examineCompute(findCompute),
  ];
}

function examineNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const name = 'Node.js';
  const found = process.versions.node;
  if (major > minNode[0] || (major === minNode[0] && minor >= minNode[1]))
    return { name, status: 'ok', found };
  return { name, status: 'missing', found, mend: `Install Node.js ${minNode.join('.')} or newer.` };
}

function examinePlatform(): Finding {
  const name = 'platform';
  const found = `${process.platform} ${process.arch}`;
  if (process.platform === 'linux') return { name, status: 'ok', found };
  if (process.platform === 'win32')
    return {
      name,
      status: 'missing',
      found,
      mend: 'Run gymlink inside WSL2: servers need Unix sockets and fork.',
    };
  return {
    name,
    status: 'note',
    found,
    mend: 'Not tested here: workers start cold instead of being forked, so sessions open slower.',
  };
}

async function examinePython(): Promise<Finding> {
  const name = 'Python';
  const given = process.env.GYMLINK_PYTHON;
  if (given) return { name, status: 'ok', found: `${given} (GYMLINK_PYTHON)` };
  try {
    const { executable, version } = await findPython(
      readFamily(defaultFamilyFolder).manifest.python,
    );
    return { name, status: 'ok', found: `${version.join('.')} at ${executable}` };
  } catch (error) {
    return { name, status: 'missing', found: 'none that suits', mend: (error as Error).message };
  }
}

async function examineEnvironment(): Promise<Finding> {
  const name = 'Python environment';
  if (process.env.GYMLINK_PYTHON) return { name, status: 'ok', found: 'that of GYMLINK_PYTHON' };
  const { folder, complete } = await locatePythonEnv(readFamily(defaultFamilyFolder));
  if (complete) return { name, status: 'ok', found: folder };
  return {
    name,
    status: 'missing',
    found: 'not made yet',
    mend: `Start \`gymlink serve\` once: it makes ${folder}.`,
  };
}

async function examineSidecar(): Promise<Finding> {
  const name = 'sidecar';
  const deadlines = {
    ...defaultDeadlines,
    openMs: startDeadlineMs,
    parentStartMs: startDeadlineMs,
  };
  const supervisor = await Supervisor.start(
    { eager: [readFamily(defaultFamilyFolder)], onDemand: [] },
    deadlines,
    createLog('silent'),
  );
  try {
    const environments = (await supervisor.catalogue()).list('');
    const unavailable = environments.filter((environment) => environment.unavailable !== '');
    const found = `starts; ${environments.length - unavailable.length} of ${environments.length} environments can be made`;
    return { name, status: 'ok', found };
  } catch (error) {
    return { name, status: 'missing', found: 'does not start', mend: (error as Error).message };
  } finally {
    await supervisor.stop();
  }
}

async function examineSharedMemory(): Promise<Finding> {
  const name = '/dev/shm';
  try {
    const { bavail, bsize } = await statfs('/dev/shm');
    return { name, status: 'ok', found: `${Math.floor((bavail * bsize) / 2 ** 20)} MiB free` };
  } catch {
    return {
      name,
      status: 'note',
      found: 'none',
      mend: 'Payloads travel through the connection: nothing is to be done.',
    };
  }
}

async function examineCompute(findCompute: FindCompute): Promise<Finding> {
  const name = 'TensorFlow.js';
  try {
    const { backend, reason } = await findCompute();
    return { name, status: 'ok', found: `backend ${backend}. ${reason}` };
  } catch (error) {
    const mend = `Only \`gymlink train\` and \`gymlink eval\` need it. ${(error as Error).message}`;
    return { name, status: 'note', found: 'not installed', mend };
  }
}

const signs = { ok: '✓', note: '·', missing: '✗' } as const;

function describe({ name, status, found, mend }: Finding): string {
  const advice = mend === undefined ? '' : `\n    ${mend.replaceAll('\n', '\n    ')}`;
  return `${signs[status]} ${name}: ${found}${advice}`;
}
