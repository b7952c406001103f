// `tuiqiao check` in a dozen files instead of some 250 modules, which Node takes longer to find and read than the poem takes.
// Run by set-up; `apps/cli/bin/tuiqiao.mjs` uses them only while they are newer than what they were made from.
import path from 'node:path';
import { build } from 'vite';

const cli = path.resolve(import.meta.dirname, '../apps/cli');
const outDir = path.join(cli, 'dist', 'bundle');

/** Modules find files beside themselves: they go on looking where they were. */
const keepsPlaces = {
  name: 'tuiqiao:keeps-places',
  transform(code, id) {
    if (!code.includes('import.meta.url') || id.includes('node_modules')) return null;
    const place = path.relative(outDir, id).split(path.sep).join('/');
    const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`;
    return { code: code.replaceAll('import.meta.url', url), map: null };
  },
};

await build({
  configFile: false,
  root: cli,
  logLevel: 'warn',
  plugins: [keepsPlaces],
  ssr: { noExternal: [/^@tuiqiao\//u, 'zod', 'commander'] },
  build: {
    ssr: path.join(cli, 'dist', 'main.js'),
    outDir,
    target: 'node20',
    minify: false,
    emptyOutDir: true,
    rollupOptions: {
      // The other commands bring the engine with them, and are never run from here.
      external: /\/commands\/(?!check\.)/u,
      output: { entryFileNames: 'main.mjs', chunkFileNames: '[name]-[hash].mjs' },
    },
  },
});
