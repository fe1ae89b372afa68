// All scenarios, with both clients, against one server; README.md tells how they are compared.
import { beforeAll, expect, test } from 'vitest';
import { defects, pythonTranscript, scenarios, startServer } from './harness.js';
import { transcript } from './loader-driver.js';

let report: Record<string, string[]>;

beforeAll(async () => {
  const { address, stop } = await startServer();
  try {
    const loader = await transcript(address, scenarios);
    const python = await pythonTranscript(address);
    report = await defects({ loader, python });
  } finally {
    await stop();
  }
}, 600_000);

test('the report has every scenario', { timeout: 5_000 }, () => {
  expect(Object.keys(report)).toEqual(scenarios.map(({ name }) => name));
});

for (const { name } of scenarios) {
  test(name, { timeout: 5_000 }, () => {
    expect(report[name]).toEqual([]);
  });
}
