import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { io, LayersModel } from '@tensorflow/tfjs';
import type { TensorFlow } from './compute.js';

/**
 * Writes `model.json` and `weights.bin` into the folder, which is made if need be: the layout that
 * `tf.loadLayersModel` reads from a server or, in tfjs-node, from `file://`. (TensorFlow.js itself has
 * no handler for files outside tfjs-node.)
 */
export async function saveModel(
  tf: TensorFlow,
  model: LayersModel,
  directory: string,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      const { modelTopology, format, generatedBy, convertedBy, weightSpecs, weightData } =
        artifacts;
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      const json = { modelTopology, format, generatedBy, convertedBy, weightsManifest };
      await writeFile(join(directory, 'weights.bin'), toBuffer(weightData as io.WeightData));
      await writeFile(join(directory, 'model.json'), JSON.stringify(json));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
}

/**
 * Reads a model that `saveModel` wrote.
 *
 * @throws Error with code ENOENT if a file is missing.
 */
export async function loadModel(tf: TensorFlow, directory: string): Promise<LayersModel> {
  const json = JSON.parse(await readFile(join(directory, 'model.json'), 'utf8')) as io.ModelJSON;
  const weights = await readFile(join(directory, 'weights.bin'));
  return tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology: json.modelTopology,
      weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
      // A copy: a Buffer of Node shares its memory with others and starts anywhere in it.
      weightData: new Uint8Array(weights).buffer,
    }),
  );
}

function toBuffer(data: io.WeightData): Buffer {
  const parts = Array.isArray(data) ? data : [data];
  return Buffer.concat(parts.map((part) => new Uint8Array(part)));
}
