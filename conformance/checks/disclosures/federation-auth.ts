import { clientServer } from '@candor/spec';
import { callOperation } from '../../call-operation.ts';
import { isSignedBy } from '../../canonical.ts';
import { withPeople } from '../../cast.ts';
import { check, demand, type Subject } from '../../check.ts';
import type { Deployment } from '../../deployment.ts';
import { match } from '../../match.ts';
import type { CapturedExchange } from '../../peer/capture-proxy.ts';
import { joinAsPeer, type MadeEvent, type PeerInRoom } from '../../peer/peer-in-room.ts';
import { type ScriptedPeer, startScriptedPeer } from '../../peer/scripted-peer.ts';
import type { Account } from '../../register-account.ts';
import { sendRequest } from '../../send-request.ts';

const unsignedPaths = /^\/_matrix\/(key\/|federation\/v1\/version)|^\/\.well-known\//;
const header = /^X-Matrix origin="([^"]+)",destination="([^"]+)",key="([^"]+)",sig="([^"]+)"$/;

/** The published keys of a server, by key id. */
const keysOf = async ({ authority }: Deployment, serverName: string) => {
  const url = `https://${serverName}/_matrix/key/v2/server`;
  const { json } = await sendRequest(url, { ca: authority.cert });
  const { verify_keys: keys } = json as { verify_keys: Record<string, { key: string }> };
  return new Map(Object.entries(keys).map(([id, { key }]) => [id, key]));
};

/** Who signed a request that crossed; throws when nobody did, or not rightly. */
const signerOf = (
  { method, path: uri, headers, body, to }: CapturedExchange,
  keys: ReadonlyMap<string, ReadonlyMap<string, string>>,
): string => {
  const place = `${method} ${uri}`;
  const [, origin = '', destination, keyId = '', signature = ''] =
    header.exec(headers.authorization ?? '') ?? [];
  if (destination !== to) throw new Error(`${place} carries ${headers.authorization}`);
  const content = body.length > 0 ? { content: JSON.parse(body.toString()) as unknown } : {};
  const signed = {
    method,
    uri,
    origin,
    destination,
    ...content,
    signatures: { [origin]: { [keyId]: signature } },
  };
  const key = keys.get(origin)?.get(keyId) ?? '';
  if (!isSignedBy(signed, origin, keyId, key))
    throw new Error(`${place} is not signed by ${origin}`);
  return origin;
};

/** The contents of the events that a homeserver shows of a room, by event id. */
const shownEvents = async (
  reader: Account,
  roomId: string,
): Promise<ReadonlyMap<string, object>> => {
  const parts = { params: { roomId }, query: { dir: 'b', limit: '100' } };
  const { chunk } = await callOperation(reader, clientServer.getRoomEvents, parts);
  return new Map(chunk.map(({ event_id: eventId, content }) => [eventId, content]));
};

const unhashed = 'content that was not hashed';

/** Events that no server may take, each with what is wrong with it. */
const badEvents = (mallory: PeerInRoom, alice: Account): Readonly<Record<string, MadeEvent>> => {
  const good = mallory.make({ content: { body: 'as it was signed' } });
  const changed = { ...good.pdu, content: { body: 'as it was not signed' } };
  const foreign = mallory.make({ content: { body: 'other' } });
  const signatures = good.pdu['signatures'] ?? {};
  return {
    'a signature of another event': { ...foreign, pdu: { ...foreign.pdu, signatures } },
    'no signature': { ...foreign, pdu: { ...foreign.pdu, signatures: {} } },
    'a sender of another server': mallory.make({ sender: alice.userId }),
    'power that the sender does not have': mallory.make({
      type: 'm.room.power_levels',
      state_key: '',
      content: { users: { [mallory.userId]: 100 } },
    }),
    [unhashed]: { eventId: good.eventId, pdu: changed },
  };
};

/** Gives the peer's answer to our `make_join`, and whether we then signed a join. */
const isSigned = async (peer: ScriptedPeer, alice: Account, event: object): Promise<boolean> => {
  const roomId = `!trap${Math.random().toString(36).slice(2)}:${peer.serverName}`;
  const template = {
    room_id: roomId,
    origin_server_ts: Date.now(),
    depth: 5,
    prev_events: [`$${'a'.repeat(43)}`],
    auth_events: [`$${'b'.repeat(43)}`],
    ...event,
  };
  peer.answer(({ path: [, what, room] }) =>
    what === 'make_join' && room === roomId
      ? { body: { room_version: '11', event: template } }
      : undefined,
  );
  const via = encodeURIComponent(peer.serverName);
  const path = `/_matrix/client/v3/join/${encodeURIComponent(roomId)}?via=${via}`;
  await sendRequest(alice.url + path, { method: 'POST', token: alice.accessToken, body: {} });
  return peer.asked.some(({ path: [, what, room] }) => what === 'send_join' && room === roomId);
};

const withPeer = async <T>(
  own: Deployment,
  work: (peer: ScriptedPeer) => Promise<T>,
): Promise<T> => {
  const peer = await startScriptedPeer(own.authority);
  try {
    return await work(peer);
  } finally {
    await peer.close();
  }
};

const everyRequestIsSigned = async (own: Deployment, subject: Subject): Promise<string> => {
  const before = own.captured.length;
  await withPeople(subject, ['alice', 'bob'], async ([alice, bob]) => {
    const room = await alice.client.directRoom(bob.userId);
    await bob.enters(room.id);
    await room.send('a message that crosses');
    await bob.reads('a message that crosses');
  });
  const keys = new Map<string, ReadonlyMap<string, string>>();
  for (const { serverName } of own.servers) keys.set(serverName, await keysOf(own, serverName));
  const asked = own.captured.slice(before).filter(({ path }) => !unsignedPaths.test(path));
  for (const exchange of asked) signerOf(exchange, keys);
  if (asked.length < 5) throw new Error(`only ${asked.length} requests crossed`);
  return `${asked.length} requests, each signed by the server it names`;
};

const badSignaturesAreRefused = (own: Deployment): Promise<string> =>
  withPeer(own, async (peer) => {
    const [first] = own.servers;
    const path = '/_matrix/federation/v1/query/profile?user_id=@nobody:example.org';
    const ask = (headers: Readonly<Record<string, string>>) =>
      sendRequest(`https://${first.serverName}${path}`, { ca: own.authority.cert, headers });
    const wrong = `X-Matrix origin="${peer.serverName}",destination="${first.serverName}",key="${peer.signer.key.keyId}",sig="${'A'.repeat(86)}"`;
    const refused = { status: 401, json: { errcode: /^M_/ } };
    demand(match(await ask({}), refused, 'without a signature'));
    demand(match(await ask({ authorization: wrong }), refused, 'with a wrong signature'));
    const { status } = await peer.ask(first, 'GET', path);
    if (status === 401) throw new Error('a good signature is refused too');
    return `401 without and with a wrong one, ${status} with a good one`;
  });

const badEventsAreRefused = (own: Deployment, subject: Subject): Promise<string> =>
  withPeer(own, async (peer) => {
    const alice = await subject.register('alice');
    const body = { preset: 'public_chat' };
    const made = await callOperation(alice, clientServer.createRoom, { body });
    const mallory = await joinAsPeer(peer, own.servers[0], made.room_id, 'mallory');
    const bad = badEvents(mallory, alice);
    const good = mallory.make({ content: { msgtype: 'm.text', body: 'good' } });
    await mallory.send([...Object.values(bad), good]);
    const shown = await shownEvents(alice, made.room_id);
    if (!shown.has(good.eventId)) throw new Error('a good event is not shown');
    for (const [what, { eventId }] of Object.entries(bad)) {
      const content = shown.get(eventId);
      // With a wrong content hash an event stays, but only what its signature covers.
      const isCutDown = what === unhashed && content && Object.keys(content).length === 0;
      if (content && !isCutDown) throw new Error(`an event with ${what} is shown`);
    }
    return `refused: ${Object.keys(bad).join('; ')}`;
  });

const nothingElseIsSigned = (own: Deployment, subject: Subject): Promise<string> =>
  withPeer(own, async (peer) => {
    const alice = await subject.register('alice');
    const asked = {
      type: 'm.room.member',
      sender: alice.userId,
      state_key: alice.userId,
      content: { membership: 'join' },
    };
    const stranger = `@other:${peer.serverName}`;
    const traps: Readonly<Record<string, object>> = {
      'another type': { ...asked, type: 'm.room.power_levels', state_key: '' },
      'another user': { ...asked, state_key: stranger },
      'another sender': { ...asked, sender: stranger },
      'another membership': { ...asked, content: { membership: 'ban' } },
      'another room': { ...asked, room_id: `!elsewhere:${peer.serverName}` },
    };
    for (const [what, event] of Object.entries(traps))
      if (await isSigned(peer, alice, event)) throw new Error(`it signed ${what}`);
    if (!(await isSigned(peer, alice, asked)))
      throw new Error('it does not even sign what was asked for: this proves nothing');
    return `signed: what was asked for; not signed: ${Object.keys(traps).join(', ')}`;
  });

export const federationAuth = check({
  id: 'federation-auth',
  run: async ({ subject, ownStep }) => {
    const asPeer = 'it speaks as another server';
    await ownStep(
      'every request to another server is signed with X-Matrix',
      'it captures the traffic',
      (own) => everyRequestIsSigned(own, subject),
    );
    await ownStep('a request without a good signature is refused', asPeer, badSignaturesAreRefused);
    await ownStep('events are taken only with their hash, signature and right', asPeer, (own) =>
      badEventsAreRefused(own, subject),
    );
    await ownStep('nothing is signed that was not asked for', asPeer, (own) =>
      nothingElseIsSigned(own, subject),
    );
  },
});
