import { type Blocks, malformed } from './blocks.js';
import type { Column, Places } from './columns.js';

/** Strings. */
export class TextColumn implements Column {
  private readonly texts: string[];

  constructor(rows: number) {
    this.texts = new Array<string>(rows).fill('');
  }

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const offsets = blocks.offsets(count, 'Text');
    const bytes = blocks.take(offsets[count] as number);
    for (let i = 0; i < count; i++) {
      const text = decodeText(bytes.subarray(offsets[i], offsets[i + 1]));
      this.texts[rows === undefined ? first + i : (rows[i] as number)] = text;
    }
  }

  batch(copy: boolean): string[] {
    return copy ? [...this.texts] : this.texts;
  }

  row(i: number): string {
    return this.texts[i] as string;
  }

  slice(begin: number, end: number): string[] {
    return this.texts.slice(begin, end);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('a Text is not UTF-8');
  }
}
