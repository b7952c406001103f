/** The studio's page and its files, as set-up built them. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context, Hono } from 'hono';

/** Beside this package, seen from its `src` or `dist`. */
export const STUDIO_FOLDER = fileURLToPath(new URL('../../studio/dist/', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** Everything from here, nothing from a network; React sets styles on elements. */
const CONTENT_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** Their names carry a hash of what is in them. */
const HASHED = /^assets\//u;
const YEAR_SECONDS = 31_536_000;

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && path.extname(entry.name) in TYPES)
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'));
  } catch {
    // Not built: the server answers all the same, and says so at `/`.
    return [];
  }
}

/** Only files that were there when the server began are sent, by their names. */
export function addPageRoutes(app: Hono, folder: string): void {
  const files = filesIn(folder);
  const send = async (c: Context, name: string): Promise<Response> => {
    c.header('Content-Type', TYPES[path.extname(name)]!);
    c.header('Content-Security-Policy', CONTENT_POLICY);
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Referrer-Policy', 'no-referrer');
    c.header('Cache-Control', HASHED.test(name) ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache');
    return c.body(await readFile(path.join(folder, name)));
  };
  for (const name of files) app.get(`/${name}`, (c) => send(c, name));
  app.get('/', (c) =>
    files.includes('index.html')
      ? send(c, 'index.html')
      : c.text('推敲 Tuiqiao\n\nAPI: /v1/models\nThe studio’s page is not built here: npm run setup\n'),
  );
}
