/** `tuiqiao env`: what this machine is, how fast its matrix products are, where things are kept, and what is missing. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import type { FloatType, KernelFeatures } from '@tuiqiao/kernels';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT } from '../exit-codes.ts';
import { readVersion } from '../program-version.ts';
import { padEnd, widest } from '../render/align.ts';
import { formatBytes, formatCount, joinList } from '../render/numbers.ts';
import type { Session } from '../session.ts';

/** Processor flags that decide which kernels run, as Linux spells them. */
const FLAGS_OF_INTEREST = [
  'avx2',
  'fma',
  'avx512f',
  'avx512_bf16',
  'avx512_vnni',
  'amx_bf16',
  'amx_tile',
  'asimd',
  'bf16',
  'sve',
];

/** One square product, large enough to be at the peak and small enough to take a blink. */
const NATIVE_GEMM = { M: 1024, shapes: [{ K: 1024, N: 1024 }], rounds: 10 } as const;
/** The plain-TypeScript kernels are about a hundred times slower. */
const REFERENCE_GEMM = { M: 128, shapes: [{ K: 256, N: 256 }], rounds: 3 } as const;

interface Missing {
  readonly what: string;
  readonly hint: string;
}

interface EnvironmentReport {
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: {
    readonly platform: string;
    readonly arch: string;
    readonly cpu: string;
    readonly cores: number;
    readonly features: readonly string[];
  };
  readonly kernels: KernelFeatures;
  /** GFLOP/s by operand type; bf16 only where it is fast. */
  readonly gemmPeak: Readonly<Partial<Record<FloatType, number>>>;
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number };
  readonly folders: Readonly<Record<string, string>>;
  readonly missing: readonly Missing[];
}

async function readCpuFlags(): Promise<string[]> {
  try {
    const text = await readFile('/proc/cpuinfo', 'utf8');
    const flags = new Set(/^(?:flags|Features)\s*:(.*)$/mu.exec(text)?.[1]?.trim().split(/\s+/u));
    return FLAGS_OF_INTEREST.filter((flag) => flags.has(flag));
  } catch {
    // Not Linux: the kernels' own instruction set is told all the same.
    return [];
  }
}

function findModel(): string {
  return fileURLToPath(new URL('../../../../models/base-poet', import.meta.url));
}

async function gather(): Promise<EnvironmentReport> {
  const { createKernels, measureGemmPeak } = await import('@tuiqiao/kernels');
  const { defaultCacheFolder, findCorpus } = await import('@tuiqiao/corpus');
  const kernels = createKernels();
  const { features } = kernels;
  const gemm = features.name === 'native' ? NATIVE_GEMM : REFERENCE_GEMM;
  const gemmPeak: Partial<Record<FloatType, number>> = {
    f32: await measureGemmPeak(kernels, { ...gemm, dtype: 'f32' }),
    ...(features.hasFastBf16 ? { bf16: await measureGemmPeak(kernels, { ...gemm, dtype: 'bf16' }) } : {}),
  };
  const cache = defaultCacheFolder();
  const model = findModel();
  const missing: Missing[] = [];
  if (features.name === 'reference') {
    missing.push({
      what: 'native kernels: the plain-TypeScript ones are about 100 times slower',
      hint: 'Install a C++ compiler (Debian/Ubuntu: apt-get install g++ make python3; macOS: xcode-select --install), then npm run setup.',
    });
  } else if (!features.gemm.startsWith('oneDNN')) {
    missing.push({
      what: 'oneDNN: the portable matrix kernel is several times slower',
      hint: 'Debian/Ubuntu: apt-get install libdnnl-dev; macOS: brew install onednn; then npm run setup.',
    });
  }
  if ((await findCorpus(cache)) === null) {
    missing.push({ what: 'the full corpus', hint: 'tuiqiao corpus pull' });
  }
  if (!existsSync(model))
    missing.push({ what: `the base model in ${model}`, hint: 'tuiqiao pretrain recipes/base-poet.yaml' });
  return {
    versions: { tuiqiao: readVersion(), node: process.versions.node, v8: process.versions.v8 },
    machine: {
      platform: `${os.platform()} ${os.release()}`,
      arch: os.arch(),
      cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
      cores: os.availableParallelism(),
      features: await readCpuFlags(),
    },
    kernels: features,
    gemmPeak,
    memory: { totalBytes: os.totalmem(), freeBytes: os.freemem() },
    folders: { cache, model },
    missing,
  };
}

function render(report: EnvironmentReport, session: Session): string {
  const { bold, green, yellow, dim } = session.colours;
  const isChinese = session.language === 'zh';
  const { machine, kernels, memory } = report;
  const peaks = Object.entries(report.gemmPeak).map(([type, value]) => `${type} ${formatCount(value)} GFLOP/s`);
  const rows: [string, string][] = [
    [
      isChinese ? '版本' : 'versions',
      Object.entries(report.versions)
        .map((entry) => entry.join(' '))
        .join(' · '),
    ],
    [isChinese ? '系统' : 'system', `${machine.platform} ${machine.arch}`],
    [isChinese ? '处理器' : 'processor', `${machine.cpu} × ${machine.cores}`],
    [isChinese ? '指令集' : 'features', joinList(machine.features, session.language) || kernels.isa],
    [isChinese ? '内存' : 'memory', `${formatBytes(memory.freeBytes)} / ${formatBytes(memory.totalBytes)}`],
    [
      isChinese ? '计算内核' : 'kernels',
      `${kernels.name} · ${kernels.gemm} · ${kernels.isa} · ${kernels.threads} threads`,
    ],
    [isChinese ? '实测矩阵速度' : 'GEMM peak', peaks.join(' · ')],
    ...Object.entries(report.folders).map(([name, folder]): [string, string] => [
      isChinese ? (name === 'cache' ? '缓存' : '基座模型') : name,
      existsSync(folder) ? folder : `${folder} ${dim('–')}`,
    ]),
  ];
  const width = widest(rows.map(([name]) => name));
  const lines = rows.map(([name, value]) => `${bold(padEnd(name, width))}  ${value}`);
  const missing =
    report.missing.length === 0
      ? [green(session.text('envAllThere'))]
      : report.missing.flatMap(({ what, hint }) => [`${yellow(session.text('envMissing'))} ${what}`, dim(`  ${hint}`)]);
  return [...lines, '', ...missing].join('\n');
}

export function addEnvCommand(host: CommandHost): void {
  host.program
    .command('env')
    .description(host.text('envSummary'))
    .addHelpText('after', examples(host, ['tuiqiao env', 'tuiqiao env --json']))
    .action(
      host.action(async (session) => {
        const report = await gather();
        if (session.isJson) await session.printJson(report);
        else await session.print(render(report, session));
        return EXIT.done;
      }),
    );
}
