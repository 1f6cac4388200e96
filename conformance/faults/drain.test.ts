import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import t from 'tap';
import { startDeployment } from '../deployment.ts';
import { waitUntil } from '../interop/wait-until.ts';
import { sendRequest } from '../send-request.ts';
import { nothingSeen, stubbornClient } from './stubborn-client.ts';

t.setTimeout(300_000);

t.test('SIGTERM answers what waits, closes sockets and ends although a peer hangs', async (t) => {
  const pair = await startDeployment();
  t.teardown(pair.stop);
  const [first] = pair.servers;
  const { pid: peerPid = 0 } = pair.other;
  const alice = stubbornClient(await first.register('alice'));
  const bob = stubbornClient(await pair.other.register('bob'));
  const { room_id: roomId } = await alice.call<{ room_id: string }>('POST', '/createRoom', {
    preset: 'public_chat',
  });
  await bob.call('POST', `/join/${encodeURIComponent(roomId)}?via=${first.serverName}`, {});
  const seen = nothingSeen();
  await bob.sync(seen);
  const mine = nothingSeen();
  await alice.sync(mine);

  // The peer takes connections and never answers.
  process.kill(peerPid, 'SIGSTOP');
  t.teardown(() => {
    process.kill(peerPid, 'SIGCONT');
  });
  const eventId = await alice.say(roomId, 'while bob’s server hangs');
  await alice.sync(mine);
  const authorization = `Bearer ${alice.accessToken}`;
  const poll = sendRequest(
    `${first.url}/_matrix/client/v3/sync?timeout=60000&since=${encodeURIComponent(mine.since ?? '')}`,
    { token: alice.accessToken },
  );
  const remote = sendRequest(
    `${first.url}/_matrix/client/v3/profile/${encodeURIComponent(`@carol:${pair.other.serverName}`)}`,
    { token: alice.accessToken },
  );
  const socket = new WebSocket(
    `${first.url.replace('http', 'ws')}/_matrix/client/unstable/dev.candor.ws/sync`,
    ['dev.candor.sync.v1', `dev.candor.access_token.${alice.accessToken}`],
  );
  await once(socket, 'open');
  socket.send(JSON.stringify({ since: mine.since }));
  const closed = once(socket, 'close');
  const upload = httpRequest(`${first.url}/_matrix/media/v3/upload`, {
    method: 'POST',
    headers: { authorization, 'content-length': 1_000_000, 'content-type': 'text/plain' },
  });
  const uploadEnded = once(upload, 'error');
  upload.write('the beginning of a file');
  t.equal((await sendRequest(`${first.url}/ready`)).status, 200);

  const start = performance.now();
  const stopped = first.stop();
  const answers: string[] = [];
  const answered = (name: string) => () => answers.push(name);
  const [polled, code] = await Promise.all([
    poll.then((answer) => {
      answers.push('poll');
      return answer;
    }),
    stopped.then((status) => {
      answers.push('end');
      return status;
    }),
    closed.then(answered('socket')),
    uploadEnded.then(answered('upload')),
    remote.catch(() => undefined).then(answered('remote')),
  ]);
  t.equal(polled.status, 200, 'the long poll is answered');
  t.equal((await closed)[0]?.code, 1001, 'the socket says that the server goes away');
  t.strictSame(answers.slice(0, 2).sort(), ['poll', 'socket'], 'both before anything else');
  t.equal(code, 0, 'it ended by itself, long before the peer’s time was up');
  t.comment(`after ${Math.round(performance.now() - start)} ms`);
  t.notMatch(await first.logs(), /"level":"(?:error|fatal)"/);

  process.kill(peerPid, 'SIGCONT');
  await first.start();
  await waitUntil('the message at the peer', async () => {
    await bob.sync(seen, 200);
    return seen.timelines.get(roomId)?.includes(eventId);
  });
  const ids = seen.timelines.get(roomId) ?? [];
  t.equal(ids.filter((id) => id === eventId).length, 1, 'what was queued arrives after the start');
});
