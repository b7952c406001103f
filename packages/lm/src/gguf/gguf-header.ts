/** The bytes of a GGUF header: little-endian numbers, texts with their lengths, typed metadata. */

export type GgufField =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly bools: readonly boolean[] }
  | { readonly floats: readonly number[] }
  | { readonly ints: readonly number[] };

/** Little-endian, growing. */
export class HeaderWriter {
  #memory = new Uint8Array(1 << 16);
  #length = 0;
  readonly #encoder = new TextEncoder();

  #room(bytes: number): DataView {
    while (this.#length + bytes > this.#memory.length) {
      const larger = new Uint8Array(this.#memory.length * 2);
      larger.set(this.#memory);
      this.#memory = larger;
    }
    const view = new DataView(this.#memory.buffer, this.#length, bytes);
    this.#length += bytes;
    return view;
  }

  bytes(data: Uint8Array): void {
    const { byteOffset } = this.#room(data.length);
    this.#memory.set(data, byteOffset);
  }
  u32(value: number): void {
    this.#room(4).setUint32(0, value, true);
  }
  u64(value: number): void {
    this.#room(8).setBigUint64(0, BigInt(value), true);
  }
  f32(value: number): void {
    this.#room(4).setFloat32(0, value, true);
  }
  text(value: string): void {
    const data = this.#encoder.encode(value);
    this.u64(data.length);
    this.bytes(data);
  }
  /** Key, type number, value. */
  field(key: string, value: GgufField): void {
    this.text(key);
    if ('u32' in value) {
      this.u32(4);
      this.u32(value.u32);
    } else if ('f32' in value) {
      this.u32(6);
      this.f32(value.f32);
    } else if ('bool' in value) {
      this.u32(7);
      this.bytes(Uint8Array.of(value.bool ? 1 : 0));
    } else if ('text' in value) {
      this.u32(8);
      this.text(value.text);
    } else if ('texts' in value) {
      this.#array(8, value.texts, (text) => this.text(text));
    } else if ('bools' in value) {
      this.#array(7, value.bools, (flag) => this.bytes(Uint8Array.of(flag ? 1 : 0)));
    } else if ('floats' in value) {
      this.#array(6, value.floats, (number) => this.f32(number));
    } else {
      this.#array(5, value.ints, (number) => this.#room(4).setInt32(0, number, true));
    }
  }
  #array<T>(type: number, items: readonly T[], write: (item: T) => void): void {
    this.u32(9);
    this.u32(type);
    this.u64(items.length);
    for (const item of items) write(item);
  }
  pad(alignment: number): void {
    this.bytes(new Uint8Array((alignment - (this.#length % alignment)) % alignment));
  }
  finish(): Uint8Array {
    return this.#memory.slice(0, this.#length);
  }
}
