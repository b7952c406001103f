/** In a page, zod must not try whether it may compile code: a page's content policy forbids that, and says so aloud. */
import * as z from 'zod';

if ('document' in globalThis) z.config({ jitless: true });
