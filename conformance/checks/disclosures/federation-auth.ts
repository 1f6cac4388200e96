import { clientServer } from '@candor/spec';
import { callOperation } from '../../call-operation.ts';
import { canonicalText, isSignedBy } from '../../canonical.ts';
import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
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

const isShown = async (
  reader: Account,
  roomId: string,
  { eventId }: MadeEvent,
): Promise<boolean> => {
  const query = { dir: 'b', limit: '100' };
  const page = await callOperation(reader, clientServer.getRoomEvents, {
    params: { roomId },
    query,
  });
  return page.chunk.some((event) => event.event_id === eventId);
};

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
    'content that was not hashed': { eventId: good.eventId, pdu: changed },
  };
};

/** A peer whose answer to `make_join` asks us to sign something else. */
const askToSign = async (peer: ScriptedPeer, alice: Account, event: object): Promise<string> => {
  const roomId = `!trap${Math.random().toString(36).slice(2)}:${peer.serverName}`;
  peer.answer(({ path: [, what, room] }) =>
    what === 'make_join' && room === roomId
      ? {
          body: {
            room_version: '11',
            event: {
              room_id: roomId,
              origin_server_ts: Date.now(),
              depth: 5,
              prev_events: [`$${'a'.repeat(43)}`],
              auth_events: [`$${'b'.repeat(43)}`],
              ...event,
            },
          },
        }
      : undefined,
  );
  const path = `/_matrix/client/v3/join/${encodeURIComponent(roomId)}?via=${encodeURIComponent(peer.serverName)}`;
  const { status } = await sendRequest(alice.url + path, {
    method: 'POST',
    token: alice.accessToken,
    body: {},
  });
  const signed = peer.asked.find(
    ({ path: [, what, room] }) => what === 'send_join' && room === roomId,
  );
  if (status === 200 || signed) throw new Error(`it signed ${canonicalText(signed?.body)}`);
  return `${status}`;
};

export const federationAuth = check({
  id: 'federation-auth',
  run: async ({ subject, ownStep }) => {
    await ownStep(
      'every request to another server is signed with X-Matrix',
      'it captures the traffic',
      async (own) => {
        const before = own.captured.length;
        await withPeople(subject, ['alice', 'bob'], async ([alice, bob]) => {
          const room = await alice.client.directRoom(bob.userId);
          await bob.enters(room.id);
          await room.send('a message that crosses');
          await bob.reads('a message that crosses');
        });
        const keys = new Map<string, ReadonlyMap<string, string>>();
        for (const { serverName } of own.servers)
          keys.set(serverName, await keysOf(own, serverName));
        const asked = own.captured.slice(before).filter(({ path }) => !unsignedPaths.test(path));
        for (const exchange of asked) signerOf(exchange, keys);
        if (asked.length < 5) throw new Error(`only ${asked.length} requests crossed`);
        return `${asked.length} requests, each signed by the server it names`;
      },
    );

    await ownStep(
      'a request without a good signature is refused',
      'it speaks as another server',
      async (own) => {
        const [first] = own.servers;
        const peer = await startScriptedPeer(own.authority);
        try {
          const path = '/_matrix/federation/v1/query/profile?user_id=@nobody:example.org';
          const unsigned = await sendRequest(`https://${first.serverName}${path}`, {
            ca: own.authority.cert,
          });
          demand(match(unsigned, { status: 401, json: { errcode: /^M_/ } }, 'without a signature'));
          const elsewhere = await sendRequest(`https://${first.serverName}${path}`, {
            ca: own.authority.cert,
            headers: {
              authorization: `X-Matrix origin="${peer.serverName}",destination="${first.serverName}",key="${peer.signer.key.keyId}",sig="${'A'.repeat(86)}"`,
            },
          });
          demand(
            match(elsewhere, { status: 401, json: { errcode: /^M_/ } }, 'with a wrong signature'),
          );
          const good = await peer.ask(first, 'GET', path);
          demand(
            match(good.status, (status: number) => status !== 401, 'with a good one the status'),
          );
          return `401 without and with a wrong one, ${good.status} with a good one`;
        } finally {
          await peer.close();
        }
      },
    );

    await ownStep(
      'events are taken only with their hash, signature and right',
      'it speaks as another server',
      async (own) => {
        const [first] = own.servers;
        const alice = await subject.register('alice');
        const peer = await startScriptedPeer(own.authority);
        try {
          const { room_id: roomId } = await callOperation(alice, clientServer.createRoom, {
            body: { preset: 'public_chat' },
          });
          const mallory = await joinAsPeer(peer, first, roomId, 'mallory');
          const bad = badEvents(mallory, alice);
          const good = mallory.make({ content: { msgtype: 'm.text', body: 'good' } });
          await mallory.send([...Object.values(bad), good]);
          if (!(await isShown(alice, roomId, good))) throw new Error('a good event is not shown');
          for (const [what, event] of Object.entries(bad)) {
            const page = await callOperation(alice, clientServer.getRoomEvents, {
              params: { roomId },
              query: { dir: 'b', limit: '100' },
            });
            const shown = page.chunk.find((one) => one.event_id === event.eventId);
            // With a wrong content hash an event stays, but only what its signature covers.
            const isEmpty = shown && Object.keys(shown.content).length === 0;
            if (shown && !(what.startsWith('content') && isEmpty))
              throw new Error(`an event with ${what} is shown`);
          }
          return `refused: ${Object.keys(bad).join('; ')}`;
        } finally {
          await peer.close();
        }
      },
    );

    await ownStep(
      'nothing is signed that was not asked for',
      'it speaks as another server',
      async (own) => {
        const alice = await subject.register('alice');
        const peer = await startScriptedPeer(own.authority);
        const member = {
          type: 'm.room.member',
          sender: alice.userId,
          state_key: alice.userId,
          content: { membership: 'join' },
        };
        const traps: Readonly<Record<string, object>> = {
          'another type': { ...member, type: 'm.room.power_levels', state_key: '' },
          'another user': { ...member, state_key: `@other:${peer.serverName}` },
          'another sender': { ...member, sender: `@other:${peer.serverName}` },
          'another membership': { ...member, content: { membership: 'ban' } },
          'another room': { ...member, room_id: `!elsewhere:${peer.serverName}` },
        };
        try {
          for (const [what, event] of Object.entries(traps))
            await askToSign(peer, alice, event).catch((error: Error) => {
              throw new Error(`${what}: ${error.message}`);
            });
          return `refused to sign: ${Object.keys(traps).join(', ')}`;
        } finally {
          await peer.close();
        }
      },
    );
  },
});
