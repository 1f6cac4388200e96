import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { signRequest } from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import { toDeviceAfter } from '../storage/to-device.ts';
import { person, until } from '../testing/federated-rooms.ts';
import { makeDeviceKeys, newSigningKey } from '../testing/make-keys.ts';
import { startTestNetwork } from '../testing/start-network.ts';

const [here, there] = await startTestNetwork(t, 2);
const alice = await person(here, 'alice');
const bob = await person(there, 'bob');
const roomId = await alice.createRoom({ preset: 'public_chat' });
await bob.join(roomId, here);

const nested = (value: unknown, depth: number): unknown =>
  depth === 0 ? value : { in: nested(value, depth - 1) };
/** What JSON can say and canonical JSON cannot, among what both can. */
const strange = fc
  .tuple(fc.oneof(fc.double(), fc.constantFrom(-0, 2 ** 53, 1e300, 1, 'x', null)), fc.nat(70))
  .map(([value, depth]) => nested(value, depth));

let sent = 0;
const tell = async (content: unknown) => {
  sent += 1;
  const messages = { [bob.userId]: { '*': content } };
  return alice.request('PUT', `/sendToDevice/m.test/${sent}`, { messages });
};
const lastToBob = async () => {
  const rows = await toDeviceAfter(there.context.db, bob.userId, bob.deviceId, 0, 2 ** 52, 1_000);
  return JSON.parse(rows.at(-1)?.message ?? '{}').content;
};
/** Gives a server a transaction as Synapse sends it: signed in the form of its bytes, whatever they say. */
const deliver = async (content: string, txnId: string): Promise<number> => {
  const uri = `/_matrix/federation/v1/send/${txnId}`;
  const request = { method: 'PUT', uri, origin: here.serverName, destination: there.serverName };
  const unsignable = { content: { float: 0.5 }, contentText: content };
  const authorization = signRequest(
    { ...request, ...unsignable },
    here.context.federation.signingKey,
  );
  const sent = httpsRequest(`https://${there.serverName}${uri}`, {
    method: 'PUT',
    ca: there.authority.cert,
    headers: { authorization },
  });
  sent.end(content);
  const [answer] = await once(sent, 'response');
  answer.resume();
  return answer.statusCode;
};
const isRefused = ({ status, body }: { status: number; body: { errcode?: string } }) =>
  status === 400 && ['M_BAD_JSON', 'M_NOT_JSON'].includes(body.errcode ?? '');

t.test('no message to a device keeps back the next one', async (t) => {
  await fc.assert(
    fc.asyncProperty(strange, async (value) => {
      const answer = await tell({ value });
      return answer.status === 200 || isRefused(answer);
    }),
    { numRuns: 100 },
  );
  t.match(await tell({ value: 0.5 }), { status: 400, body: { errcode: 'M_BAD_JSON' } });
  t.match(await tell({ value: nested(1, 58) }), { status: 400, body: { errcode: 'M_BAD_JSON' } });
  t.match(await tell({ value: nested(1, 54) }), { status: 200 }, 'as deep as an event may be');
  t.match(await tell({ isLast: true }), { status: 200 });
  await until(async () => (await lastToBob())?.isLast === true);
});

t.test('nor do keys keep back the next change of devices', async (t) => {
  const upload = (more: object) =>
    alice.request('POST', '/keys/upload', {
      device_keys: { ...makeDeviceKeys(alice, newSigningKey(alice.deviceId)), ...more },
    });
  await fc.assert(
    fc.asyncProperty(strange, async (value) => {
      const answer = await upload({ value });
      return answer.status === 200 || isRefused(answer);
    }),
    { numRuns: 40 },
  );
  t.match(await upload({ value: nested(1, 58) }), { status: 400, body: { errcode: 'M_BAD_JSON' } });
  t.match(await upload({ isLast: true }), { status: 200 });
  await tell({ isLast: false });
  await until(async () => (await lastToBob())?.isLast === false);
});

t.test('what other servers send beside such a message arrives', async (t) => {
  const deep = '{"in":'.repeat(5_000) + 1 + '}'.repeat(5_000);
  for (const [index, odd] of ['{"n":0.5}', '{"n":1e-07}', '{"n":1e400}', deep].entries()) {
    const edu = (id: number, content: string) =>
      `{"edu_type":"m.direct_to_device","content":{"sender":"${alice.userId}","type":"m.test","message_id":"m${index}${id}","messages":{"${bob.userId}":{"*":${content}}}}}`;
    const edus = [edu(1, odd), edu(2, `{"beside":${index}}`)].join();
    const presence = `{"edu_type":"m.presence","content":{"push":[{"user_id":"${alice.userId}","presence":"online","x":${odd}}]}}`;
    const pdu = `{"room_id":"${roomId}","type":"m.test","content":${odd}}`;
    const content = `{"origin":"${here.serverName}","origin_server_ts":1,"pdus":[${pdu}],"edus":[${presence},${edus}]}`;
    t.equal(await deliver(content, `odd${index}`), 200, odd.slice(0, 20));
    t.match(await lastToBob(), { beside: index });
  }
});
