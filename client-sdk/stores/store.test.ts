import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from '@signalapp/sqlcipher';
import t from 'tap';
import { openMemoryStore } from './memory-store.ts';
import { migrations } from './migrations.ts';
import { Overlay } from './overlay.ts';
import { columnsOf, rowCodec, sqlName } from './row-codec.ts';
import { openSqlcipherStore } from './sqlcipher-store.ts';
import { type Store, StoreError } from './store.ts';
import { type Row, type TableName, tables } from './tables.ts';

const folder = mkdtempSync(join(tmpdir(), 'candor-store-'));
let files = 0;
const newPath = (): string => join(folder, `store-${++files}.db`);
const rawKey = new Uint8Array(32).fill(7);

const event = (eventId: string, position: number): Row<'timeline'> => ({
  roomId: '!r:a',
  eventId,
  position,
  localEcho: false,
  sender: '@a:a',
  senderDevice: 'A',
  type: 'm.room.message',
  content: { body: `message ${position}` },
  ciphertext: null,
  state: 'decrypted',
  reason: null,
  distributionId: null,
  partHash: null,
  originServerTs: 1_000 + position,
  txnId: null,
  recipients: null,
  archived: false,
});

const session = (address: string, ...bytes: number[]): Row<'sessions'> => ({
  address,
  record: new Uint8Array(bytes),
  updatedAt: 1,
});

/** What every store does; run against each of them. */
const behaviour = (name: string, open: () => Store): void => {
  t.test(`${name}: rows come back as they were put`, async (t) => {
    const store = open();
    const content = JSON.parse('{"__proto__":{"x":1},"constructor":"c","n":[1,null,"é"]}');
    store.transaction((tx) => {
      tx.put('timeline', { ...event('$1', 1), content });
      tx.put('sessions', session('a', 0, 1, 255));
    });
    const row = store.get('timeline', { roomId: '!r:a', eventId: '$1' });
    t.equal(JSON.stringify(row?.content), JSON.stringify(content));
    t.equal(row?.reason, null);
    t.same([...(store.get('sessions', { address: 'a' })?.record ?? [])], [0, 1, 255]);
    t.equal(store.get('sessions', { address: 'b' }), undefined);
    store.close();
  });

  t.test(`${name}: a second put replaces, delete removes what matches`, async (t) => {
    const store = open();
    store.transaction((tx) => {
      tx.put('sessions', session('a', 1));
      tx.put('sessions', session('a', 2));
      tx.put('sessions', session('b', 3));
    });
    t.equal(store.count('sessions'), 2);
    t.same([...(store.get('sessions', { address: 'a' })?.record ?? [])], [2]);
    store.transaction((tx) => tx.delete('sessions', { address: 'a' }));
    t.equal(store.get('sessions', { address: 'a' }), undefined);
    t.equal(store.count('sessions', { address: 'b' }), 1);
    store.close();
  });

  t.test(`${name}: queries filter, order, page and match null`, async (t) => {
    const store = open();
    store.transaction((tx) => {
      for (const position of [3, 1, 2, 5, 4]) tx.put('timeline', event(`$${position}`, position));
      tx.put('timeline', { ...event('$w', 9), state: 'waiting', reason: 'x' });
    });
    const page = store.all('timeline', {
      where: { roomId: '!r:a', reason: null },
      orderBy: 'position',
      descending: true,
      below: 5,
      limit: 2,
    });
    t.same(
      page.map((row) => row.position),
      [4, 3],
    );
    t.same(
      store.all('timeline', { where: { state: 'waiting' } }).map((row) => row.eventId),
      ['$w'],
    );
    t.equal(store.all('timeline').length, 6);
    store.close();
  });

  t.test(`${name}: a throw inside a transaction leaves nothing behind`, async (t) => {
    const store = open();
    store.transaction((tx) => tx.put('sessions', session('a', 1)));
    const boom = new Error('boom');
    t.throws(
      () =>
        store.transaction((tx) => {
          tx.put('sessions', session('a', 9));
          tx.put('sessions', session('b', 9));
          tx.delete('sessions', { address: 'a' });
          throw boom;
        }),
      boom,
    );
    t.same([...(store.get('sessions', { address: 'a' })?.record ?? [])], [1]);
    t.equal(store.count('sessions'), 1);
    store.close();
  });

  t.test(`${name}: an overlay shows its changes and writes them in one step`, async (t) => {
    const store = open();
    store.transaction((tx) => {
      for (const position of [1, 2, 3]) tx.put('timeline', event(`$${position}`, position));
    });
    const overlay = new Overlay(store);
    overlay.put('timeline', event('$4', 4));
    overlay.put('timeline', { ...event('$2', 2), state: 'waiting' });
    overlay.delete('timeline', { eventId: '$3' });
    const newest = { orderBy: 'position', descending: true, limit: 2 } as const;
    t.same(
      overlay.all('timeline', newest).map((row) => row.eventId),
      ['$4', '$2'],
    );
    t.equal(overlay.count('timeline', { state: 'decrypted' }), 2);
    t.equal(overlay.get('timeline', { roomId: '!r:a', eventId: '$3' }), undefined);
    t.same(
      store.all('timeline', newest).map((row) => row.eventId),
      ['$3', '$2'],
    );
    const inner = new Overlay(overlay);
    inner.delete('timeline', { eventId: '$1' });
    inner.applyTo(overlay);
    store.transaction((tx) => overlay.applyTo(tx));
    t.same(
      store.all('timeline', { orderBy: 'position' }).map((row) => row.eventId),
      ['$2', '$4'],
    );
    store.close();
  });

  t.test(`${name}: a closed store says so`, async (t) => {
    const store = open();
    store.close();
    t.throws(() => store.all('account'), { code: 'closed' });
    t.throws(() => store.transaction(() => undefined), { code: 'closed' });
  });
};

behaviour('in memory', openMemoryStore);
behaviour('SQLCipher', () => openSqlcipherStore(newPath(), rawKey));

t.test('the migrations make exactly the declared tables', async (t) => {
  const db = new Database(':memory:');
  for (const sql of migrations) db.exec(sql);
  const made = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const names = Object.keys(tables) as TableName[];
  t.same(made.map((row) => row['name']).sort(), names.map(sqlName).sort());
  for (const name of names) {
    const columns = db.pragma(`table_info(${sqlName(name)})`);
    t.same(
      columns.map((row) => row['name']),
      columnsOf(name).map(({ sql }) => sql),
      name,
    );
    const key = columns.filter((row) => Number(row['pk']) > 0);
    key.sort((a, b) => Number(a['pk']) - Number(b['pk']));
    t.same(
      key.map((row) => row['name']),
      tables[name].key.map(sqlName),
      `${name}: primary key`,
    );
  }
  db.close();
});

t.test('what was written is there after a reopen with a passphrase', async (t) => {
  const path = newPath();
  const store = openSqlcipherStore(path, "it's a passphrase");
  store.transaction((tx) => tx.put('sessions', session('a', 4)));
  store.close();
  const again = openSqlcipherStore(path, "it's a passphrase");
  t.equal(again.count('sessions'), 1);
  again.close();
});

t.test('a wrong key is a typed error and changes not one byte', async (t) => {
  const path = newPath();
  const store = openSqlcipherStore(path, 'right');
  store.transaction((tx) => tx.put('sessions', session('a', 4)));
  store.close();
  const before = readFileSync(path);
  for (const key of ['wrong', new Uint8Array(32), '']) {
    const error = t.throws(() => openSqlcipherStore(path, key), { code: 'wrong-key' });
    t.ok(error instanceof StoreError);
  }
  t.throws(() => openSqlcipherStore(path, new Uint8Array(31)), { code: 'wrong-key' });
  t.ok(before.equals(readFileSync(path)));
  openSqlcipherStore(path, 'right').close();
});

t.test('a store of the first version goes on with what it holds', async (t) => {
  const path = newPath();
  const db = new Database(path);
  db.pragma(`key = "x'${Buffer.from(rawKey).toString('hex')}'"`);
  db.exec(migrations[0] ?? '');
  db.pragma('user_version = 1');
  const { archived: _later, ...old } = event('$old', 1);
  const row = rowCodec.encode('timeline', old);
  const names = Object.keys(row);
  const values = names.map((name) => `$${name}`).join(', ');
  db.prepare(`INSERT INTO timeline (${names.map(sqlName).join(', ')}) VALUES (${values})`).run(row);
  db.close();
  const store = openSqlcipherStore(path, rawKey);
  t.same(store.get('timeline', { roomId: '!r:a', eventId: '$old' }), event('$old', 1));
  store.close();
});

t.test('a store of a newer version and a folder are refused', async (t) => {
  const path = newPath();
  openSqlcipherStore(path, rawKey).close();
  const db = new Database(path);
  db.pragma(`key = "x'${Buffer.from(rawKey).toString('hex')}'"`);
  db.pragma(`user_version = ${migrations.length + 1}`);
  db.close();
  t.throws(() => openSqlcipherStore(path, rawKey), { code: 'newer-schema' });
  t.throws(() => openSqlcipherStore(folder, rawKey), { code: 'unreadable' });
});

t.test('a second process is refused while the first has the file open', async (t) => {
  const path = newPath();
  const script = join(folder, 'hold.ts');
  const module = new URL('./sqlcipher-store.ts', import.meta.url).href;
  writeFileSync(
    script,
    `import { openSqlcipherStore } from ${JSON.stringify(module)};
     openSqlcipherStore(${JSON.stringify(path)}, 'shared').all('account');
     process.stdout.write('open');
     process.stdin.resume();`,
  );
  const holder: ChildProcess = spawn(process.execPath, [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (holder.stdout) await once(holder.stdout, 'data');
  t.throws(() => openSqlcipherStore(path, 'shared'), { code: 'in-use' });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  openSqlcipherStore(path, 'shared').close();
});

t.test('the file shows no plaintext, not even in the write-ahead log', async (t) => {
  const path = newPath();
  const store = openSqlcipherStore(path, 'secret');
  store.transaction((tx) =>
    tx.put('timeline', { ...event('$1', 1), content: { body: 'PLAINTEXT-MARKER' } }),
  );
  const written = (): Buffer =>
    Buffer.concat(
      readdirSync(folder)
        .filter((name) => join(folder, name).startsWith(path))
        .map((name) => readFileSync(join(folder, name))),
    );
  t.ok(written().length > 0);
  for (const marker of ['PLAINTEXT-MARKER', 'm.room.message', 'CREATE TABLE', 'SQLite format']) {
    t.equal(written().includes(marker), false, `open: ${marker}`);
  }
  store.close();
  t.equal(written().includes('PLAINTEXT-MARKER'), false, 'closed');
});
