/** `samples.jsonl` of an evaluation: every poem of every model, so that other checkers can judge them too. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { ModelPoems } from '@tuiqiao/eval';
import writeFileAtomic from 'write-file-atomic';
import { explainDiskError } from '../errors.ts';
import { RUN_FILES } from '../workspace.ts';

/** A line has `id`, `model`, `constrained` and the fields of `check --json`'s input: `tuiqiao check` reads the file as it is. */
export async function saveSamples(folder: string, models: readonly ModelPoems[]): Promise<void> {
  const lines = models.flatMap(({ name, constrained, seed, poems }) =>
    poems.map(({ asked, title, author, text }, i) =>
      JSON.stringify({
        id: `${name}${constrained ? '+constrained' : ''}:${i}`,
        model: name,
        constrained,
        seed,
        ...(asked.tune === undefined ? { form: asked.form } : { tune: asked.tune }),
        ...(title === undefined ? {} : { title }),
        ...(author === undefined ? {} : { author }),
        text,
      }),
    ),
  );
  try {
    await mkdir(folder, { recursive: true });
    await writeFileAtomic(path.join(folder, RUN_FILES.samples), `${lines.join('\n')}\n`);
  } catch (error) {
    throw explainDiskError(error, `writing samples in ${folder}`);
  }
}
