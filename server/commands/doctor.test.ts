import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../package-paths.js';

const limit = { timeout: 120_000 };

interface Outcome {
  readonly code: unknown;
  readonly ok: boolean;
  readonly findings: {
    readonly name: string;
    readonly status: string;
    readonly found: string;
    readonly mend?: string;
  }[];
}

function doctor(variables: Record<string, string | undefined>): Promise<Outcome> {
  const cli = join(packageRoot, 'dist', 'cli.js');
  const env = { ...process.env, ...variables };
  return new Promise((resolve) =>
    execFile(process.execPath, [cli, 'doctor', '--json'], { env }, (error, stdout) =>
      resolve({ code: error?.code ?? 0, ...JSON.parse(stdout) }),
    ),
  );
}

test('finds all well where the sidecar starts', limit, async () => {
  const { code, ok, findings } = await doctor({});
  expect([code, ok]).toEqual([0, true]);
  const sidecar = findings.find(({ name }) => name === 'sidecar');
  expect(sidecar?.found).toMatch(/^starts; \d\d of \d\d environments/);
  expect(findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'Node.js',
      'platform',
      'Python',
      'Python environment',
      'TensorFlow.js',
      '/dev/shm',
    ]),
  );
});

test('says how to get Python where there is none', limit, async () => {
  const empty = mkdtempSync(join(tmpdir(), 'gl-test-'));
  const { code, ok, findings } = await doctor({
    PATH: empty,
    HOME: empty,
    PYENV_ROOT: '',
    GYMLINK_PYTHON: '',
  });
  expect([code, ok]).toEqual([1, false]);
  const python = findings.find(({ name }) => name === 'Python');
  expect(python?.status).toBe('missing');
  expect(python?.mend).toMatch(/install Python 3\.1\d/);
  expect(findings.some(({ name }) => name === 'sidecar')).toBe(false);
  rmSync(empty, { recursive: true });
});

test('names the interpreter that does not work', limit, async () => {
  const { code, findings } = await doctor({ GYMLINK_PYTHON: '/nowhere/python' });
  expect(code).toBe(1);
  const sidecar = findings.find(({ name }) => name === 'sidecar');
  expect(sidecar).toMatchObject({ status: 'missing', found: 'does not start' });
  expect(sidecar?.mend).toMatch(/ENOENT/);
});
