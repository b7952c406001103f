/** Union-find over 0 … size − 1; the representative of a set is its smallest member, so clusters are stable. */
export class DisjointSets {
  private readonly parent: Int32Array;

  constructor(size: number) {
    this.parent = new Int32Array(size);
    for (let i = 0; i < size; i++) this.parent[i] = i;
  }

  find(member: number): number {
    let root = member;
    while (this.parent[root] !== root) root = this.parent[root]!;
    let current = member;
    while (this.parent[current] !== root) {
      const next = this.parent[current]!;
      this.parent[current] = root;
      current = next;
    }
    return root;
  }

  join(first: number, second: number): void {
    const a = this.find(first);
    const b = this.find(second);
    if (a < b) this.parent[b] = a;
    else this.parent[a] = b;
  }
}
