/** Where the corpus is kept on this machine. Nothing is created here; writers create what they need. */
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * The user's cache folder: `$TUIQIAO_CACHE`, else `$XDG_CACHE_HOME/tuiqiao`, else `~/Library/Caches/tuiqiao` on macOS,
 * else `~/.cache/tuiqiao`.
 */
export function defaultCacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string {
  const own = environment.TUIQIAO_CACHE;
  if (own) return path.resolve(own);
  const xdg = environment.XDG_CACHE_HOME;
  // The XDG specification says that a relative value is to be ignored.
  if (xdg && path.isAbsolute(xdg)) return path.join(xdg, 'tuiqiao');
  return platform === 'darwin'
    ? path.join(homedir(), 'Library', 'Caches', 'tuiqiao')
    : path.join(homedir(), '.cache', 'tuiqiao');
}
