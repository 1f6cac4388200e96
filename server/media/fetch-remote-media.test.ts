import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { startTestServer } from '../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');

const asked: string[] = [];
const multipart = 'multipart/mixed; boundary=b';
const partsOf = (head: string, content: string | Buffer) =>
  Buffer.concat([
    Buffer.from(`--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\n${head}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n--b--\r\n'),
  ]);

type Said = {
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  readonly body: string | Buffer;
};

/** What the other server says, by media id; under `old:` at the path without a signature. */
const says: Record<string, Said> = {
  notMultipart: { type: 'text/plain', body: 'x' },
  noParts: { type: multipart, body: 'no parts at all' },
  cutOff: { type: multipart, body: partsOf('Content-Type: text/plain', 'x').subarray(0, -12) },
  redirect: { type: multipart, body: partsOf('Location: http://127.0.0.1:1/x', '') },
  huge: { type: multipart, body: partsOf('Content-Type: text/plain', Buffer.alloc(53_000_000)) },
  late: { status: 504, body: '{"errcode":"M_NOT_YET_UPLOADED"}' },
  broken: { status: 500, body: 'oops' },
  evil: {
    type: multipart,
    body: partsOf(
      'Content-Type: text/html\r\nContent-Disposition: inline; filename="../../\\"x.html"',
      '<script>',
    ),
  },
  odd: { type: multipart, body: partsOf('Content-Type: no/\u0001type', 'x') },
  aged: { status: 404, body: '{"errcode":"M_UNRECOGNIZED"}' },
  'old:aged': {
    type: 'image/png',
    headers: { 'content-disposition': "inline; filename*=utf-8''%C3%BC.png" },
    body: 'old bytes',
  },
};

const answer: RequestListener = (request, response) => {
  const { url = '' } = request;
  asked.push(url);
  const mediaId = url.split('?')[0]?.split('/').at(-1) ?? '';
  const said = says[url.startsWith('/_matrix/media/') ? `old:${mediaId}` : mediaId] ?? {
    status: 404,
    body: '{"errcode":"M_NOT_FOUND"}',
  };
  response.writeHead(said.status ?? 200, {
    'content-type': said.type ?? 'application/json',
    ...said.headers,
  });
  response.end(said.body);
};

const other = createServer(server.authority.issue(['localhost']), answer);
await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
t.teardown(() => {
  other.closeAllConnections();
  other.close();
});
const otherName = `localhost:${(other.address() as AddressInfo).port}`;

const download = (mediaId: string) =>
  server.request(
    'GET',
    `/_matrix/client/v1/media/download/${otherName}/${mediaId}?timeout_ms=100`,
    {
      token: alice.accessToken,
    },
  );

t.test('what is no media is not passed on', async (t) => {
  for (const [mediaId, status, errcode] of [
    ['notMultipart', 502, 'M_UNKNOWN'],
    ['noParts', 502, 'M_UNKNOWN'],
    ['cutOff', 502, 'M_UNKNOWN'],
    ['redirect', 502, 'M_UNKNOWN'],
    ['huge', 502, 'M_TOO_LARGE'],
    ['late', 504, 'M_NOT_YET_UPLOADED'],
    ['broken', 502, 'M_CONNECTION_FAILED'],
    ['nothing', 404, 'M_NOT_FOUND'],
  ] as const) {
    t.match(await download(mediaId), { status, body: { errcode } }, mediaId);
  }
  const rows = await server.context.db.sql.selectFrom('media').select('media_id').execute();
  t.strictSame(rows, [], 'and nothing of it is kept');
});

t.test('what another server says of a file does no harm', async (t) => {
  const { status, headers } = await download('evil');
  t.equal(status, 200);
  t.equal(headers.get('content-disposition'), "attachment; filename*=utf-8''..%2F..%2F%22x.html");
  t.match(headers.get('content-security-policy'), /^sandbox/);
  t.equal((await download('odd')).headers.get('content-type'), 'application/octet-stream');
});

t.test('a server that does not know the signed path is asked at the old one', async (t) => {
  const { status, body, headers } = await download('aged');
  t.equal(status, 200);
  t.equal(body, 'old bytes');
  t.equal(headers.get('content-disposition'), "inline; filename*=utf-8''%C3%BC.png");
  const old = asked.filter((url) => url.startsWith('/_matrix/media/'));
  t.match(old, [/allow_remote=false/]);
  asked.length = 0;
  await download('aged');
  t.strictSame(asked, [], 'the copy is kept');
});

t.test('the copies read longest ago make room for new ones', async (t) => {
  const { sql } = server.context.db;
  await sql
    .insertInto('media')
    .values({
      origin: 'big.example',
      media_id: 'big',
      file_name: 'a'.repeat(32),
      size_bytes: 30_000_000_000,
      created_at: 0,
      last_read_at: 0,
    })
    .execute();
  says['fresh'] = { type: multipart, body: partsOf('Content-Type: text/plain', 'fresh') };
  t.equal((await download('fresh')).body, 'fresh');
  const left = await sql.selectFrom('media').select('media_id').orderBy('media_id').execute();
  t.notOk(left.some((row) => row.media_id === 'big'));
});
