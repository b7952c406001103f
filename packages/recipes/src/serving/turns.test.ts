import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

/** Work that ends when it is told to. */
function door(): { work: () => Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { work: () => wait, open };
}

describe('turns', () => {
  it('run jobs of one model side by side up to the number, and switch only when all have ended', async () => {
    const said: string[] = [];
    const turns = new Turns(2, (model) => said.push(`switch ${model}`));
    const doors = [door(), door(), door(), door()];
    const models = ['a', 'a', 'b', 'a'];
    const jobs = models.map((model, i) =>
      turns.take(model, undefined, () => {
        said.push(`begin ${i}`);
        return doors[i]!.work();
      }),
    );
    await Promise.resolve();
    expect(said).toEqual(['switch a', 'begin 0', 'begin 1']);
    doors[0]!.open();
    await jobs[0];
    // Job 3 is of the model that is on, but it came after job 2, which would otherwise wait for ever.
    expect(said).toEqual(['switch a', 'begin 0', 'begin 1']);
    doors[1]!.open();
    await jobs[1];
    await Promise.resolve();
    expect(said.slice(3)).toEqual(['switch b', 'begin 2']);
    for (const { open } of doors) open();
    await Promise.all(jobs);
    expect(said.slice(5)).toEqual(['switch a', 'begin 3']);
  });

  it('let go of a job that is aborted while it waits, and of one that fails', async () => {
    const turns = new Turns(1, () => undefined);
    const first = door();
    const running = turns.take('a', undefined, first.work);
    const controller = new AbortController();
    const waiting = turns.take('b', controller.signal, async () => 'never');
    const failing = turns.take('a', undefined, async () => {
      throw new Error('broken');
    });
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    first.open();
    await running;
    await expect(failing).rejects.toThrow('broken');
    expect(await turns.take('a', undefined, async () => 'next')).toBe('next');
  });
});
