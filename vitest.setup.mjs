import { devPython } from './dev-python.mjs';

/** Tells tests the Python in which they may play Gymnasium itself, and talk gRPC. */
export default async function setup() {
  const { python } = await devPython((line) => console.error(line));
  process.env.GYMLINK_DEV_PYTHON = python;
}
