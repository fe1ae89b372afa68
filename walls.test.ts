import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const imports = {
  client: '../client/index.js',
  server: '../server/index.js',
  grpc: '@grpc/grpc-js',
  tensorflow: '@tensorflow/tfjs',
  spawn: 'node:child_process',
};
type Import = keyof typeof imports;

/** What each kind of file must not import. */
const forbidden: Record<string, readonly Import[]> = {
  'client/vector-env.ts': ['server', 'grpc', 'tensorflow', 'spawn'],
  'client/spaces/box.ts': ['server', 'grpc', 'tensorflow', 'spawn'],
  'client/connection.ts': ['server', 'tensorflow', 'spawn'],
  'client/launch.ts': ['server', 'grpc', 'tensorflow'],
  'client/agents/dqn.ts': ['server', 'grpc', 'spawn'],
  'client/vector-env.test.ts': ['server'],
  'server/session.ts': ['client', 'grpc', 'tensorflow', 'spawn'],
  'server/env-service.ts': ['client', 'tensorflow', 'spawn'],
  'server/warm-parent.ts': ['client', 'grpc', 'tensorflow'],
  'server/session.test.ts': ['client'],
  'proto/gen/gymlink.ts': [],
  'proto/conformance/driver.ts': ['client', 'server'],
};

let folder: string;
let found: Map<string, Set<number>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gymlink-walls-'));
  await cp('biome.json', join(folder, 'biome.json'));
  const source = Object.values(imports)
    .map((path) => `import '${path}';\n`)
    .join('');
  for (const file of Object.keys(forbidden)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), source);
  }
  found = await lint();
});

afterAll(() => rm(folder, { recursive: true }));

/** Lines that Biome objects to, by file. */
async function lint(): Promise<Map<string, Set<number>>> {
  const args = [
    'lint',
    '--vcs-enabled=false',
    '--only=style/noRestrictedImports',
    '--max-diagnostics=none',
    '--reporter=github',
    '.',
  ];
  const biome = join(process.cwd(), 'node_modules/.bin/biome');
  const output = await new Promise<string>((resolve) => {
    execFile(biome, args, { cwd: folder }, (_error, stdout) => resolve(stdout));
  });
  const lines = new Map<string, Set<number>>();
  for (const [, file = '', line] of output.matchAll(
    /noRestrictedImports,file=([^,]+),line=(\d+)/g,
  )) {
    const name = file.startsWith('/') ? relative(folder, file) : file;
    lines.set(name, (lines.get(name) ?? new Set()).add(Number(line)));
  }
  return lines;
}

describe('imports that the lint rules refuse', () => {
  test.each(Object.entries(forbidden))('%s', (file, names) => {
    const lines = names.map((name) => Object.keys(imports).indexOf(name) + 1);
    expect([...(found.get(file) ?? [])].sort()).toEqual(lines.sort());
  });
});
