// All scenarios, with both clients that know the .proto files alone and with Python's library, against one server; README.md tells
// how they are compared.
import { beforeAll, expect, test } from 'vitest';
import {
  defects,
  extent,
  libraryTranscript,
  pythonTranscript,
  scenarios,
  startServer,
  type Transcript,
} from './harness.js';
import { transcript } from './loader-driver.js';

let report: Record<string, string[]>;
let library: Transcript;

beforeAll(async () => {
  const { address, stop } = await startServer();
  try {
    const loader = await transcript(address, scenarios);
    const python = await pythonTranscript(address);
    library = await libraryTranscript(address);
    report = await defects({ loader, python, 'library*': library });
  } finally {
    await stop();
  }
}, 600_000);

test('the report has every scenario', { timeout: 5_000 }, () => {
  expect(Object.keys(report)).toEqual(scenarios.map(({ name }) => name));
});

test('the library says and tells most of it', { timeout: 5_000 }, () => {
  const { scenarios, steps, values } = extent(library);
  expect(scenarios).toBeGreaterThanOrEqual(138);
  expect(steps).toBeGreaterThanOrEqual(660);
  expect(values).toBeGreaterThanOrEqual(60_000);
});

for (const { name } of scenarios) {
  test(name, { timeout: 5_000 }, () => {
    expect(report[name]).toEqual([]);
  });
}
