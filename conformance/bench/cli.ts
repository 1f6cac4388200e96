import { writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { fanOutWorkload } from './fan-out.ts';
import type { Figure } from './figures.ts';
import { sendWorkload, type WorkloadOptions } from './send.ts';
import { syncWorkload } from './sync.ts';
import { openTarget, type Target } from './target.ts';

const usage = `usage: npm run bench -- WORKLOAD [OPTION …]

workloads
  send    durable sends per second at 1, 8 and 64 senders, in one room and in a room each; the time
          from sending to receiving at 50 messages a second by WebSocket, long poll and across two
          servers; memory
  sync    the first /sync of an account by the number of its rooms, of a server that was just started
          (only our own) and of one that runs; /sync when there is one new message
  fan-out the SDK alone: the first message to a group of 100 and 1 000 devices and the next one, how
          long it takes and for how long it holds the event loop

options
  --target URL               the homeserver to measure; without it a pair of our own is started
  --peer URL                 another homeserver that federates with it
  --registration-secret S    how accounts are made there; without it registration has to be open
  --json FILE                writes one record per figure
  --seconds N                length of a run (5)
  --runs N                   runs per figure (3)
  --sizes N,N                numbers of rooms, for sync (10,1000)
  --profile DIR              writes CPU profiles of our own servers
`;

type Workload = (target: Target, options: WorkloadOptions) => Promise<void>;
const workloads: Readonly<Record<string, Workload>> = { send: sendWorkload, sync: syncWorkload };

const number = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 2 });

const line = ({ workload, size, value, unit, p50, p95, p99, spread }: Figure): string => {
  const name = size > 0 ? `${workload} (${size})` : workload;
  const quantiles =
    p50 === undefined
      ? ''
      : `  p50 ${number(p50)}  p95 ${number(p95 ?? 0)}  p99 ${number(p99 ?? 0)} ms`;
  const runs = spread[0] === spread[1] ? '' : `  (${spread.map(number).join(' to ')})`;
  return `${name.padEnd(38)} ${number(value).padStart(9)} ${unit}${runs}${quantiles}`;
};

const machine = (): string => {
  const model = cpus()[0]?.model ?? 'unknown processor';
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${model.trim()}, ${memoryGb} GB, ${process.platform} ${release()}, Node ${process.version}`;
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: 'string' },
    peer: { type: 'string' },
    'registration-secret': { type: 'string' },
    json: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    runs: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '10,1000' },
    profile: { type: 'string' },
  },
});
const workload = workloads[positionals[0] ?? ''];
const isOfSdk = positionals[0] === 'fan-out';
if ((!workload && !isOfSdk) || positionals.length > 1) {
  process.stderr.write(usage);
  process.exit(2);
}

const figures: Figure[] = [];
const options: WorkloadOptions = {
  runs: Number(values.runs),
  runMs: Number(values.seconds) * 1000,
  sizes: values.sizes.split(',').map(Number),
  report: (figure) => {
    figures.push(figure);
    console.log(line(figure));
  },
};

const measureServer = async (measure: Workload): Promise<void> => {
  const profiling = ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  const target = await openTarget({
    url: values.target,
    peerUrl: values.peer,
    secret: values['registration-secret'],
    nodeArgs: values.profile === undefined ? [] : profiling,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void target.stop().finally(() => process.exit(130)));
  try {
    const place = target.own ? 'started here, on the same machine as the senders' : target.url;
    console.log(`${machine()}\n${target.server}, ${target.database}, ${place}`);
    console.log(
      `median of ${values.runs} runs of ${values.seconds} s; a plain-text message of 66 bytes`,
    );
    await measure(target, options);
  } finally {
    await target.stop();
  }
};

if (workload) await measureServer(workload);
else {
  console.log(`${machine()}\nthe SDK without a server; median of ${values.runs} runs`);
  await fanOutWorkload(options);
}
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
