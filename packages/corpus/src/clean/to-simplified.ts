/** Traditional → simplified, for matching names and for what a person types. Safe in this direction. */
import { Converter } from 'opencc-js/t2cn';

let converter: ((text: string) => string) | null = null;

export function toSimplified(text: string): string {
  const convert = converter ?? Converter({ from: 't', to: 'cn' });
  converter = convert;
  return convert(text);
}
