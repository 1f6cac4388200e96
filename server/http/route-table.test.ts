import type { Operation } from '@candor/spec';
import t from 'tap';
import { RouteTable } from './route-table.ts';

const operation = (id: string, method: Operation['method'], path: string): Operation => ({
  id,
  method,
  path,
  summary: '',
  auth: 'none',
  response: 'bytes',
});

const tableOf = (...operations: readonly Operation[]): RouteTable => {
  const table = new RouteTable();
  const byId = (value: (one: Operation) => unknown) =>
    Object.fromEntries(operations.map((one) => [one.id, value(one)]));
  table.add(byId((one) => one) as Record<string, Operation>, byId(() => async () => ({})) as never);
  return table;
};

t.test('fixed segments win, and a dead end is walked back from', async (t) => {
  const table = tableOf(
    operation('fixed', 'GET', '/rooms/{roomId}/state'),
    operation('param', 'GET', '/rooms/{roomId}/{other}/more'),
    operation('own', 'GET', '/rooms/mine/name'),
  );
  const find = (path: string) => {
    const { route, params } = table.find('GET', path);
    return [route.operation.id, params];
  };
  t.strictSame(find('/rooms/x/state'), ['fixed', { roomId: 'x' }]);
  t.strictSame(find('/rooms/x/state/more'), ['param', { roomId: 'x', other: 'state' }]);
  t.strictSame(find('/rooms/mine/name'), ['own', {}]);
  t.strictSame(find('/rooms/mine/state'), ['fixed', { roomId: 'mine' }]);
  t.strictSame(find('/rooms/a%2Fb%25/state'), ['fixed', { roomId: 'a/b%' }]);
});

t.test('an empty state key may come with its slash or without', async (t) => {
  const table = tableOf(operation('state', 'PUT', '/state/{type}/{stateKey}'));
  for (const path of ['/state/m.x', '/state/m.x/']) {
    t.strictSame(table.find('PUT', path).params, { type: 'm.x', stateKey: '' }, path);
  }
  t.strictSame(table.find('PUT', '/state/m.x/key').params, { type: 'm.x', stateKey: 'key' });
});

t.test('handlers without an operation and two operations of one route are faults', async (t) => {
  const handler = async () => ({});
  t.throws(() => new RouteTable().add({}, { lost: handler }), /lost/);
  t.throws(() => tableOf(operation('a', 'GET', '/x/{y}'), operation('b', 'GET', '/x/{z}')), /b/);
});
