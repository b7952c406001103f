/** The studio as static files in `dist`; `npm run dev -w @tuiqiao/studio` beside a running `tuiqiao studio` for work on it. */
import { defineConfig } from 'vite';

/** Where `tuiqiao studio` listens by itself. */
const SERVER = 'http://127.0.0.1:8000';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { conditions: ['tuiqiao-source', 'module', 'browser', 'development|production'] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Old laptops of schools, not old browsers on them.
    target: 'es2022',
    // The tables of the rhyme books are what they are.
    chunkSizeWarningLimit: 2000,
    reportCompressedSize: false,
  },
  server: { proxy: Object.fromEntries(['/api', '/v1', '/lora-adapters'].map((path) => [path, SERVER])) },
});
