const command =
  'npm install @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 echarts sharp';

/**
 * Imports a module that needs packages which only those install who train.
 *
 * @throws Error with the command that installs them all, if one is missing.
 */
export async function importOptional<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = `This command needs packages that are not installed. Install them with: ${command}`;
    throw new Error(message, { cause: error });
  }
}
