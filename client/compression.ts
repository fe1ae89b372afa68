import { malformed } from './blocks.js';

/** Gives the bytes of a frame, whose number is known. */
export type Decompress = (frame: Uint8Array, length: number) => Uint8Array;

/** What decompresses Zstandard: Node has it of its own from 22.15 on only. */
export async function zstdDecompress(): Promise<Decompress> {
  // Imported here: most sessions have no compression.
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (frame, length) => {
    const bytes = decoder.decode(frame, length);
    if (bytes.length !== length)
      throw malformed(`${frame.length} compressed bytes cannot be decompressed to ${length}`);
    return bytes;
  };
}
