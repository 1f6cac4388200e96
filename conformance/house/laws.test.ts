import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { importsGoDown } from './imports-go-down.ts';
import { licences } from './licences.ts';
import { limitsHold } from './limits-hold.ts';
import { noCycles } from './no-cycles.ts';
import { oneDoor } from './one-door.ts';
import { oneSpelling } from './one-spelling.ts';
import { parseSource } from './parse-source.ts';
import { pureFederation } from './pure-federation.ts';
import { shape } from './shape.ts';
import type { Violation } from './violation.ts';

type Law = (sources: ReturnType<typeof parseSource>[]) => Violation[];

/** Judges a small tree written as `{ path: text }`; answers `path:line law` for each breach. */
const judge = (law: Law, tree: Readonly<Record<string, string>>) =>
  law(Object.entries(tree).map(([path, text]) => parseSource(path, text))).map(
    (one) => `${one.path}:${one.line} law ${one.law}`,
  );

t.test(
  'a handler needs an operation of the same spelling, and an operation has one entry',
  async (t) => {
    const spec = "export const joinRoom = operation({ id: 'joinRoom', method: 'POST' });";
    t.same(judge(oneSpelling, { 'spec/client-server/rooms.ts': spec }), []);
    const handlers = {
      'spec/client-server/rooms.ts': spec,
      'server/http/client/rooms/joinRoom.ts': '',
      'server/http/client/rooms/joinRoom.test.ts': '',
      'server/http/client/index.ts': '',
      'server/http/client/rooms/leaveRoom.ts': '',
      'server/http/client/join-room.ts': '',
      'server/http/federation/joinRoom.ts': '',
      'server/http/read-body.ts': '',
    };
    t.same(judge(oneSpelling, handlers), [
      'server/http/client/rooms/leaveRoom.ts:1 law 1',
      'server/http/federation/joinRoom.ts:1 law 1',
    ]);
    const twice = {
      'spec/client-server/a.ts': spec,
      'spec/client-server/b.ts': `\n${spec}`,
      'spec/federation/a.ts': spec,
    };
    t.same(judge(oneSpelling, twice), ['spec/client-server/b.ts:2 law 1']);
    t.same(
      judge(oneSpelling, { 'spec/client-server/a.ts': spec, 'spec/federation/a.ts': spec }),
      [],
    );
  },
);

t.test('a disclosure check carries the id of an entry of the register', async (t) => {
  const tree = {
    'spec/disclosures/encryption.ts':
      "export const dm = disclosure({ id: 'dm-e2ee', kind: 'protected' });",
    'conformance/checks/disclosures/dm-e2ee.ts': '',
    'conformance/checks/disclosures/dm-e3ee.ts': '',
  };
  t.same(judge(oneSpelling, tree), ['conformance/checks/disclosures/dm-e3ee.ts:1 law 1']);
});

t.test('a package is entered by the doors its place in the tree allows', async (t) => {
  const importing = (specifier: string) => `import { x } from '${specifier}';`;
  const allowed = {
    'federation/events/sign.ts': importing('@candor/spec'),
    'federation/transport/peer-client.ts': importing('../json/canonical-json.ts'),
    'server/rooms/a.ts': `${importing('@candor/federation/transport')}${importing('../storage/b.ts')}`,
    'client-sdk/client.ts': importing('@candor/federation'),
    'conformance/cli.ts': importing('@candor/client-sdk'),
  };
  t.same(judge(importsGoDown, allowed), []);
  const refused = {
    'spec/rooms.ts': importing('@candor/federation'),
    'federation/events/sign.ts': importing('../transport/peer-client.ts'),
    'federation/events/build.ts': `export { x } from '@candor/federation/transport';`,
    'server/rooms/a.ts': `\n${importing('@candor/spec/limits.ts')}`,
    'server/rooms/b.ts': importing('../../federation/events/sign.ts'),
    'client-sdk/client.ts': importing('@candor/federation/transport'),
    'conformance/cli.ts': "const server = await import('@candor/server');",
    'conformance/peer/a.ts': "type Config = import('@candor/server').Config;",
  };
  t.same(judge(importsGoDown, refused), [
    'spec/rooms.ts:1 law 2',
    'federation/events/sign.ts:1 law 2',
    'federation/events/build.ts:1 law 2',
    'server/rooms/a.ts:2 law 2',
    'server/rooms/b.ts:1 law 2',
    'client-sdk/client.ts:1 law 2',
    'conformance/cli.ts:1 law 2',
    'conformance/peer/a.ts:1 law 2',
  ]);
});

t.test('inside the server a folder imports only lower ones', async (t) => {
  const tree = {
    'server/http/client/login.ts': "import { a } from '../../accounts/a.ts';",
    'server/server.ts': "import { a } from './http/app.ts';",
    'server/commands/serve.ts': "import { a } from '../server.ts';",
    'server/context.ts': "import type { Rooms } from './rooms/rooms.ts';",
    'server/rooms/join.test.ts': "import { startServer } from '../testing/start-server.ts';",
    'server/accounts/ok.ts': "import type { A } from '../sync/a.ts';",
    'server/accounts/up.ts': "import { a } from '../http/app.ts';",
    'server/accounts/across.ts': "import { a } from '../sync/a.ts';",
    'server/storage/up.ts': "import type { A } from '../context.ts';",
    'server/rooms/testing.ts': "import { startServer } from '../testing/start-server.ts';",
    'server/things/new.ts': "import { a } from '../log.ts';",
  };
  t.same(judge(importsGoDown, tree), [
    'server/accounts/up.ts:1 law 2',
    'server/accounts/across.ts:1 law 2',
    'server/storage/up.ts:1 law 2',
    'server/rooms/testing.ts:1 law 2',
    'server/things/new.ts:1 law 2',
  ]);
});

t.test('values do not import each other in a circle, types may', async (t) => {
  const circle = {
    'spec/a.ts': "import { b } from './b.ts';",
    'spec/b.ts': "\nimport { c } from './c.ts';",
    'spec/c.ts': "export * from './a.ts';",
  };
  t.same(judge(noCycles, circle), ['spec/c.ts:1 law 2']);
  t.same(judge(noCycles, { ...circle, 'spec/c.ts': "import type { A } from './a.ts';" }), []);
});

t.test('a dependency is imported by its one door, also by a deep path', async (t) => {
  const tree = {
    'server/storage/database.ts': "import pg from 'pg';",
    'server/accounts/password.ts': "import argon2 from 'argon2';",
    'server/http/app.test.ts': "import { WebSocket } from 'ws';",
    'server/accounts/login.ts': "import argon2 from 'argon2';",
    'server/rooms/a.ts': "import type { Kysely } from 'kysely/dist/x.js';",
    'client-sdk/send/a.ts': "import { x } from '@signalapp/libsignal-client/sub';",
  };
  t.same(judge(oneDoor, tree), [
    'server/accounts/login.ts:1 law 3',
    'server/rooms/a.ts:1 law 3',
    'client-sdk/send/a.ts:1 law 3',
  ]);
});

t.test('federation outside transport has no waiting, clock, randomness or process', async (t) => {
  const impure = [
    'export const a = async () => 1;',
    'export const a = () => Promise.resolve(1);',
    'export type A = Promise<void>;',
    'export const a = () => new Date();',
    'export const a = () => Date.now();',
    'export const a = () => Math.random();',
    'export const a = process.env;',
    'setTimeout(() => {}, 1);',
    "import { readFileSync } from 'node:fs';",
    "import { randomBytes } from 'node:crypto';",
    'export const a = crypto.randomUUID();',
    'export const a = { process };',
    'await 1;',
  ];
  for (const line of impure) {
    t.same(
      judge(pureFederation, { 'federation/auth/a.ts': `\n${line}` }).at(0),
      'federation/auth/a.ts:2 law 4',
      line,
    );
    t.same(
      judge(pureFederation, { 'federation/transport/a.ts': line, 'federation/a.test.ts': line }),
      [],
      line,
    );
  }
  const pure =
    "import { sign } from 'node:crypto';\nexport const a = (e: { process: 1; Date: 2 }) => ({ Date: e.process, x: Math.max(1) });";
  t.same(judge(pureFederation, { 'federation/auth/a.ts': pure }), []);
});

t.test('files, functions and names keep their shape', async (t) => {
  const lines = (count: number, line: string) => Array(count).fill(line).join('\n');
  const longFunction = (count: number) => `const f = () => {\n${lines(count - 2, 'f();')}\n};\n`;
  const fine = {
    'server/rooms/join-room.ts': longFunction(70),
    'server/http/client/logout_all.ts': '',
    'server/testing/answer.ts': 'export type Answer = { body: any };',
    'spec/limits.ts': lines(500, 'f();'),
    'spec/index.ts': "export * from './a.ts';",
    'server/rooms/three.ts': 'export const a = () => { f(); }, b = 1, c = 2;\nexport type D = 1;',
  };
  t.same(judge(shape, fine), []);
  const bad = {
    'server/rooms/long-function.ts': `\n${longFunction(71)}`,
    'server/rooms/long-file.ts': `const f = () => { f(); };\n${lines(300, 'f();')}`,
    'spec/long-table.ts': lines(501, 'f();'),
    'server/rooms/four.ts':
      'export const a = () => { f(); }, b = 1;\nconst c = 1, d = 1;\nexport { c, d };',
    'server/rooms/default.ts': 'export default 1;',
    'server/rooms/JoinRoom.ts': '',
    'server/rooms/helpers.ts': '',
    'server/utils/join.ts': '',
    'server/test/join.ts': '',
    'server/rooms/any.ts': '\nexport const a = (b: any) => b;',
    'server/rooms/later.ts': '\n// FIXME: later',
    'server/rooms/forward.ts': "import { a } from './a.ts';\nexport { a };",
  };
  t.same(judge(shape, bad), [
    'server/rooms/long-function.ts:2 law 6',
    'server/rooms/long-file.ts:300 law 6',
    'spec/long-table.ts:500 law 6',
    'server/rooms/four.ts:1 law 6',
    'server/rooms/default.ts:1 law 6',
    'server/rooms/JoinRoom.ts:1 law 6',
    'server/rooms/helpers.ts:1 law 6',
    'server/utils/join.ts:1 law 6',
    'server/test/join.ts:1 law 6',
    'server/rooms/any.ts:2 law 6',
    'server/rooms/later.ts:2 law 6',
    'server/rooms/forward.ts:1 law 5',
  ]);
});

t.test(
  'production dependencies have compatible licences, and only the SDK has libsignal',
  async (t) => {
    const said = licences({
      packages: {
        server: {
          dependencies: { '@candor/spec': '1', a: '1' },
          optionalDependencies: { absent: '1' },
        },
        spec: { dependencies: { nested: '1' } },
        'client-sdk': { dependencies: { '@signalapp/libsignal-client': '1' } },
        'node_modules/a': { license: '(MIT OR SSPL-1.0)', dependencies: { nested: '1' } },
        'node_modules/a/node_modules/nested': { license: 'SSPL-1.0' },
        'node_modules/nested': {
          license: 'ISC',
          dependencies: { '@signalapp/libsignal-client': '1' },
        },
        'node_modules/@signalapp/libsignal-client': { license: 'AGPL-3.0-only' },
        'node_modules/only-in-tests': { license: 'SSPL-1.0' },
      },
    });
    t.same(
      said.map(({ text }) => text),
      [
        "absent, optional for server, is not in the lock: 'npm ci' refuses it",
        'spec depends on @signalapp/libsignal-client (by node_modules/nested): only the client SDK may',
        'server depends on @signalapp/libsignal-client (by node_modules/nested): only the client SDK may',
        "nested (needed by node_modules/a) has the licence 'SSPL-1.0', which is not on the list of licences.ts",
      ],
    );
  },
);

t.test('a limit is kept to by more than a test', async (t) => {
  const tree = {
    'spec/limits.ts':
      'export const limits = {\n  readMax: 1,\n  takenMax: 2,\n  rates: { login: { burst: 1 } },\n  testedMax: 3,\n  namedMax: 4,\n} as const;',
    'server/a.ts': 'export const a = limits.readMax + limits.rates.login.burst;',
    'server/b.ts':
      'const { takenMax } = limits; const namedMax = 4; export const b = takenMax + namedMax;',
    'server/b.test.ts': 'limits.testedMax;',
  };
  t.same(judge(limitsHold, tree), ['spec/limits.ts:5 law 7', 'spec/limits.ts:6 law 7']);
  t.same(judge(limitsHold, { 'server/a.ts': '' }), []);
});

t.test('the list of attacks names tests that are there', async (t) => {
  const top = join(import.meta.dirname, '../..');
  const list = readFileSync(join(top, 'conformance/hardening.md'), 'utf8');
  const named = [...list.matchAll(/`([\w/-]+\/[\w./-]+\.test\.ts)`/g)].map(([, path = '']) => path);
  t.ok(named.length > 40);
  for (const path of named) t.ok(existsSync(join(top, path)), path);
});

t.test('a file that cannot be parsed is named with its line', async (t) => {
  t.throws(() => parseSource('spec/a.ts', '\nconst = 1;'), { message: /^spec\/a\.ts:2 / });
});
