import t from 'tap';
import { startTestNetwork } from '../../../testing/start-network.ts';

const [here, there] = await startTestNetwork(t, 2);
const alice = await here.register('alice');
const zoe = await there.register('zoe');

const asAlice = (method: string, path: string, body?: unknown) =>
  here.request(method, `/_matrix/client/v3${path}`, { token: alice.accessToken, body });

const refusal = (errcode: string) => ({ name: 'PeerError', message: /./, errcode });

t.test('a server in the room learns which event is nearest to a time', async (t) => {
  const { body } = await asAlice('POST', '/createRoom', { preset: 'public_chat' });
  const roomId: string = body.room_id;
  const ask = (ts: number, dir: 'b' | 'f') =>
    there.context.federation.client.request({
      destination: here.serverName,
      method: 'GET',
      path: `/_matrix/federation/v1/timestamp_to_event/${encodeURIComponent(roomId)}`,
      query: { ts, dir },
    });
  await t.rejects(ask(0, 'f'), refusal('M_FORBIDDEN'));
  await there.request('POST', `/_matrix/client/v3/join/${roomId}?via=${here.serverName}`, {
    token: zoe.accessToken,
    body: {},
  });
  const sent = await asAlice('PUT', `/rooms/${roomId}/send/m.room.message/1`, {
    msgtype: 'm.text',
    body: 'x',
  });
  const { event_id: eventId } = sent.body;
  const event = (await asAlice('GET', `/rooms/${roomId}/event/${eventId}`)).body;
  const at: number = event.origin_server_ts;
  t.match((await ask(at, 'f')).body, { event_id: eventId, origin_server_ts: at });
  t.match((await ask(at + 9_999_999, 'b')).body, { event_id: eventId });
  await t.rejects(ask(at + 9_999_999, 'f'), refusal('M_NOT_FOUND'));
});
