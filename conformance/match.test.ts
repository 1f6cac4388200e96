import t from 'tap';
import { compareBaseline } from './baseline/compare-baseline.ts';
import { match } from './match.ts';
import type { StepResult } from './run-checks.ts';

t.test('a match names the place that is not as expected', async (t) => {
  const actual = { status: 403, json: { errcode: 'M_FORBIDDEN', list: [1, 2], more: true } };
  t.equal(match(actual, { status: 403, json: { errcode: /^M_/ } }), undefined);
  t.equal(match(actual, { json: { list: [1, 2] } }), undefined);
  t.equal(match(actual, { status: (status: number) => status > 400 }), undefined);
  t.equal(match(actual, { status: 200 }), 'it.status is 403, not 200');
  t.equal(match(actual, { json: { list: [1] } }), 'it.json.list is [1,2], not [1]');
  t.equal(
    match(actual, { json: { errcode: /^X/ } }),
    'it.json.errcode is "M_FORBIDDEN", not like /^X/',
  );
  t.equal(match(actual, { json: { none: 1 } }), 'it.json.none is nothing, not 1');
  t.equal(match({}, { toString: undefined }), undefined, 'what an object inherits is not its own');
  t.equal(match([], {}, 'an empty array'), undefined);
  t.equal(match([1], [], 'a list'), 'a list is [1], not []');
});

t.test('a baseline is compared in both directions', async (t) => {
  const result = (step: string, outcome: StepResult['outcome']): StepResult => ({
    ...{ check: 'c', step, outcome },
    text: '',
    durationMs: 1,
  });
  const baseline = {
    c: { a: 'passed', b: 'failed', gone: 'passed' },
    other: { x: 'passed' },
  } as const;
  const same = [result('a', 'passed'), result('b', 'failed'), result('gone', 'passed')];
  t.strictSame(compareBaseline(baseline, same, ['c']), []);
  const now = [result('a', 'failed'), result('b', 'passed'), result('new', 'passed')];
  t.strictSame(compareBaseline(baseline, now, ['c']), [
    'c: a: failed, expected passed',
    'c: b: passed, expected failed',
    'c: gone: not run, expected passed',
    'c: new: passed, expected nothing of it',
  ]);
});
