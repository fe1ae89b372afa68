import { expect, test } from 'vitest';
import { table, verdict } from './verdict.mjs';

const passed = { outcome: 'passed', why: '', remote: 1 };
const failed = { outcome: 'failed', why: 'it broke', remote: 1 };
const suite = { leftOut: [{ reason: 'by design', tests: ['a.py::left_out'] }] };

test('tests that are left out may fail, and nothing else', () => {
  const remote = { 'a.py::fine': passed, 'a.py::left_out': failed };
  expect(verdict({}, remote, suite).complaints).toEqual([]);
  const { complaints } = verdict(
    { 'a.py::own': failed },
    { ...remote, 'a.py::bad': failed },
    suite,
  );
  expect(complaints).toEqual([
    "a.py::own failed with Gymnasium's own:\nit broke",
    'a.py::bad failed:\nit broke',
  ]);
});

test.each([
  ['passes', { 'a.py::left_out': passed }, 'a.py::left_out is left out, but passed'],
  ['is skipped', { 'a.py::left_out': { ...passed, outcome: 'skipped' } }, 'but skipped'],
  [
    'is no test',
    { 'a.py::other': passed },
    'a.py::left_out is left out, but there is no such test',
  ],
  ['is not collected', {}, 'No test was run'],
])('an entry that %s is stale', (_, remote, complaint) => {
  expect(verdict({}, remote, suite).complaints.join()).toContain(complaint);
});

test('the table counts each side, and what is left out apart', () => {
  const remote = {
    'a.py::x': passed,
    'a.py::left_out': failed,
    'b.py::y': { ...passed, remote: 0 },
  };
  const lines = table({ 'a.py::x': passed }, remote, new Set(['a.py::left_out'])).split('\n');
  expect(lines[2]?.trim().split(/ +/)).toEqual(['a.py', '1', '0', '0', '1', '0', '0', '0', '1']);
  expect(lines[4]?.trim().split(/ +/)).toEqual(['all', '1', '0', '0', '1', '1', '0', '0', '1']);
});
