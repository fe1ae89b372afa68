// What the outcomes of both sides of `npm run test:gymnasium` amount to.

/** Which tests are left out, and one text for everything that is not as it should be. */
export function verdict(own, remote, { leftOut: groups }) {
  const leftOut = new Set(groups.flatMap(({ tests }) => tests));
  const complaints = [];
  for (const [test, { outcome, why }] of Object.entries(own))
    if (outcome === 'failed') complaints.push(`${test} failed with Gymnasium's own:\n${why}`);
  for (const [test, { outcome, why }] of Object.entries(remote))
    if (outcome === 'failed' && !leftOut.has(test)) complaints.push(`${test} failed:\n${why}`);
  for (const test of leftOut)
    if (remote[test] === undefined)
      complaints.push(`${test} is left out, but there is no such test.`);
    else if (remote[test].outcome !== 'failed')
      complaints.push(`${test} is left out, but ${remote[test].outcome}: take it off the list.`);
  if (Object.keys(remote).length === 0) complaints.push('No test was run.');
  return { complaints, leftOut };
}

/** Numbers of both sides, a line a file. */
export function table(own, remote, leftOut) {
  const files = [...new Set(Object.keys({ ...own, ...remote }).map(fileOf))];
  const rows = [...files, 'all'].map((file) => {
    const isOf = ([test]) => file === 'all' || fileOf(test) === file;
    const ownTests = Object.entries(own).filter(isOf);
    const tests = Object.entries(remote).filter(isOf);
    const counted = tests.filter(([test]) => !leftOut.has(test));
    return [
      file.replace(/^tests\//, ''),
      ...['passed', 'failed', 'skipped'].map((outcome) => count(ownTests, outcome)),
      count(counted.filter(usesRemote), 'passed'),
      count(
        counted.filter((entry) => !usesRemote(entry)),
        'passed',
      ),
      ...['failed', 'skipped'].map((outcome) => count(counted, outcome)),
      tests.length - counted.length,
    ];
  });
  const head = [
    '',
    'passed',
    'failed',
    'skipped',
    'passed',
    '(none)',
    'failed',
    'skipped',
    'left out',
  ];
  const width = Math.max(...rows.map(([file]) => file.length));
  const line = ([file, ...cells]) =>
    [file.padEnd(width), ...cells.map((cell) => String(cell).padStart(8))].join(' ');
  return [
    `${' '.repeat(width)} ${"Gymnasium's own".padEnd(26)} RemoteVectorEnv, one turn a test`,
    ...[head, ...rows].map(line),
    '(none): passed, but make no vector environment that RemoteVectorEnv could stand for.',
    'Why tests are left out: suite.json.',
  ].join('\n');
}

const fileOf = (test) => test.split('::')[0];
const usesRemote = ([, { remote }]) => remote > 0;
const count = (tests, wanted) => tests.filter(([, { outcome }]) => outcome === wanted).length;
