import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Parser, type Result } from 'tap-parser';

/** What one test file did. Assertions are counted, not the subtests that hold them. */
export type FileReport = {
  readonly path: string;
  readonly passed: number;
  readonly failures: readonly { readonly name: string; readonly diagnostics: unknown }[];
  readonly skips: readonly { readonly name: string; readonly reason: string }[];
  readonly durationMs: number;
  /** What the file wrote besides its results, standard error included. */
  readonly otherOutput: string;
};

const seedModule = new URL('./fix-seed.ts', import.meta.url).href;

/** What Node imports first: a run with a given seed tries the same again. */
const preloadFor = async (path: string): Promise<readonly string[]> => {
  if (process.env['CANDOR_FAULT_SEED'] === undefined) return [];
  const hasProperties = (await readFile(path, 'utf8')).includes("'fast-check'");
  return hasProperties ? ['--import', seedModule] : [];
};

const fileMsMax = 900_000;
const terminationMsMax = 5_000;

/** Runs one test file in a process of its own and reads the TAP it writes. */
export const runTestFile = async (path: string): Promise<FileReport> => {
  const startedMs = performance.now();
  const preload = await preloadFor(path);
  const child = spawn(process.execPath, ['--enable-source-maps', ...preload, path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: '300' },
  });
  const parser = new Parser();
  const seen = watch(parser);
  child.stderr.on('data', (chunk: Buffer) => seen.other.push(chunk.toString()));
  child.stdout.pipe(parser);
  let overdue = false;
  const deadline = setTimeout(() => {
    overdue = true;
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), terminationMsMax).unref();
  }, fileMsMax);
  const ending = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  clearTimeout(deadline);
  if (overdue)
    seen.fail('still running', { allowedMs: fileMsMax, hint: 'an open handle or an endless wait' });
  // The parser makes up a plan, with a reason, for a file that wrote nothing.
  const reason = parser.syntheticPlan ? undefined : parser.results?.plan.skipReason;
  if (reason) seen.skips.push({ name: 'the whole file', reason });
  else if (seen.passed() + seen.failures.length + seen.skips.length === 0) {
    seen.fail('no assertion was made', { ending });
  }
  // A file that dies, or ends without a plan, may have failed no assertion at all.
  if (seen.failures.length === 0 && (ending !== 'exit code 0' || !parser.ok)) {
    seen.fail('the file as a whole', { ending, problems: parser.failures });
  }
  const { passed, failures, skips, other } = seen;
  return {
    path,
    passed: passed(),
    failures,
    skips,
    durationMs: performance.now() - startedMs,
    otherOutput: other.join(''),
  };
};

const watch = (root: Parser) => {
  let passedCount = 0;
  const failures: { name: string; diagnostics: unknown }[] = [];
  const skips: { name: string; reason: string }[] = [];
  const other: string[] = [];
  const note = (result: Result) => {
    if (result.skip || result.todo) {
      const reason = [result.skip, result.todo].find((one) => typeof one === 'string');
      skips.push({ name: result.fullname, reason: reason || 'no reason given' });
    } else if (result.closingTestPoint) return;
    else if (result.ok) passedCount += 1;
    else failures.push({ name: result.fullname, diagnostics: result.diag });
  };
  const follow = (parser: Parser) => {
    parser.on('assert', note);
    parser.on('child', follow);
  };
  follow(root);
  root.on('extra', (text: string) => other.push(text));
  const fail = (name: string, diagnostics: unknown) => failures.push({ name, diagnostics });
  return { passed: () => passedCount, failures, skips, other, fail };
};
