/** How a model is served. */
import * as z from 'zod';
import { nameList } from './lists.ts';
import { option } from './option.ts';

export const DEFAULT_PORT = 8000;

export const engineFields = {
  parallel: option(
    z.int().min(1).max(256).default(8),
    'Answers written at the same time; of the same model they share every step.',
    '同时写几个回答；同一模型的合为一批。',
    { unit: 'answers' },
  ),
  contextLength: option(
    z.int().min(16).default(4096),
    "Prompt and answer together at most; never more than the model's own window.",
    '提示与回答合计的上限，不超过模型自身的窗口。',
    { unit: 'tokens' },
  ),
  maxNewTokens: option(
    z.int().min(1).default(1024),
    'Longest answer of a request that sets no max_tokens.',
    '请求未写 max_tokens 时，回答最长多少。',
    { unit: 'tokens' },
  ),
};

export const studioFields = {
  runs: option(z.string().min(1).default('runs'), 'Folder of the runs that are shown.', '所展示的运行所在的文件夹。'),
  open: option(
    z.boolean().default(true),
    'Open the page in the browser, where there is a display.',
    '有显示器时在浏览器中打开页面。',
  ),
};

export const serverFields = {
  host: option(
    z.string().min(1).default('127.0.0.1'),
    'Address to listen on; 0.0.0.0 is every one of this machine (give an --api-key then).',
    '监听的地址；0.0.0.0 表示本机所有地址（此时应设 --api-key）。',
  ),
  port: option(
    z.int().min(0).max(65_535).default(DEFAULT_PORT),
    'Port; 0 takes a free one.',
    '端口；0 表示任一空闲端口。',
  ),
  apiKey: option(
    z.string().min(1).optional(),
    'Key that requests must bring as `Authorization: Bearer KEY`; absent: TUIQIAO_API_KEY, else none is asked for.',
    '请求须以 `Authorization: Bearer KEY` 附上的密钥；不填则用环境变量 TUIQIAO_API_KEY，仍无则不需密钥。',
  ),
  corsOrigin: option(
    nameList.prefault([]),
    'Origins of web pages that may call the server, e.g. http://localhost:5173, or *; absent: none.',
    '可调用本服务的网页来源，如 http://localhost:5173，或 *；不填则都不可。',
  ),
  maxQueue: option(
    z.int().min(0).default(64),
    'Requests that may wait; one more is answered with 429 and Retry-After.',
    '最多多少请求排队，再多则答以 429 与 Retry-After。',
    { unit: 'requests' },
  ),
};
