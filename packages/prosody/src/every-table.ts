// Provides every table at once: what programs that are not pages import with the rest.

import { provideTable } from './table-store.ts';
import * as cilin from './tables/cilin.ts';
import * as tunes from './tables/cipu.ts';
import * as pairs from './tables/parallelism.ts';
import * as tongyun from './tables/tongyun.ts';
import * as xinyun from './tables/xinyun.ts';

provideTable('cilin', cilin);
provideTable('xinyun', xinyun);
provideTable('tongyun', tongyun);
provideTable('tunes', tunes);
provideTable('pairs', pairs);
