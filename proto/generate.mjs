// Generates the code that is committed: proto/gen (TypeScript, by ts-proto) and Python's message tables
// (python-envs/gymlink/protocol/schema.py), from which a small codec reads and writes protobuf without the
// protobuf runtime, whose versions differ between families. `node proto/generate.mjs [FOLDER]` writes under FOLDER.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const out = process.argv[2] ?? '.';
const schemaFile = join(out, 'python-envs/gymlink/protocol/schema.py');

const buf = (...args) =>
  execFileSync('npx', ['--no-install', 'buf', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });

const kinds = {
  TYPE_DOUBLE: 'double',
  TYPE_UINT32: 'varint',
  TYPE_UINT64: 'varint',
  TYPE_INT64: 'int64',
  TYPE_SINT64: 'sint64',
  TYPE_BOOL: 'bool',
  TYPE_STRING: 'string',
  TYPE_BYTES: 'bytes',
  TYPE_ENUM: 'varint',
};

const pythonName = (typeName) => typeName.split('.').at(-1);

function fieldRow(field) {
  const kind = field.type === 'TYPE_MESSAGE' ? pythonName(field.typeName) : kinds[field.type];
  if (kind === undefined) throw new Error(`${field.name}: no codec for ${field.type}`);
  const repeated = field.label === 'LABEL_REPEATED' ? 'True' : 'False';
  return `        ${field.number}: ("${field.name}", "${kind}", ${repeated}),`;
}

function messageTable(message) {
  const rows = (message.field ?? []).map(fieldRow);
  return rows.length === 0
    ? `    "${message.name}": {},`
    : [`    "${message.name}": {`, ...rows, '    },'].join('\n');
}

function enumConstants(enumeration) {
  return enumeration.value.map(({ name, number }) => `${name} = ${number ?? 0}`).join('\n');
}

rmSync(join(out, 'proto/gen'), { recursive: true, force: true });
buf('generate', '--output', out);

const files = JSON.parse(buf('build', '-o', '-#format=json')).file;
const messages = files.flatMap((file) => file.messageType ?? []);
const enums = files.flatMap((file) => file.enumType ?? []);
mkdirSync(dirname(schemaFile), { recursive: true });
writeFileSync(
  schemaFile,
  `"""Message tables and enum values of proto/gymlink, made by \`npm run generate\`. Do not edit."""

# Message name -> field number -> (field name, kind, repeated). A kind that is no scalar is a message name.
MESSAGES = {
${messages.map(messageTable).join('\n')}
}

${enums.map(enumConstants).join('\n\n')}
`,
);
