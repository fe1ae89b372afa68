const training =
  'npm install @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 echarts sharp';

/**
 * Imports a module that needs packages which not everybody installs.
 *
 * @param who What needs them, to begin a sentence with.
 * @param command What installs them.
 * @throws Error with that command, if a package is missing.
 */
export async function importOptional<T>(
  load: () => Promise<T>,
  who = 'This command',
  command = training,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = `${who} needs packages that are not installed. Install them with: ${command}`;
    throw new Error(message, { cause: error });
  }
}
