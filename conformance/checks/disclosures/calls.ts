import { randomBytes } from 'node:crypto';
import { clientServer } from '@candor/spec';
import { demandRefusal } from '../../call-operation.ts';
import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import type { Deployment } from '../../deployment.ts';
import { findSecrets } from '../../evidence/find-secrets.ts';
import { capturedMaterial, serverMaterial } from '../../evidence/server-material.ts';
import { match } from '../../match.ts';
import { startMeddlingProxy } from '../../peer/meddling-proxy.ts';
import type { Account } from '../../register-account.ts';
import { roomEvents } from '../../room-events.ts';
import { signInTalker, type Talker } from '../../talker.ts';

/** The fingerprint of a certificate for DTLS, as a session description has it. */
const newFingerprint = (): string =>
  randomBytes(32)
    .toString('hex')
    .toUpperCase()
    .replace(/..(?!$)/g, '$&:');

const description = (type: 'offer' | 'answer', fingerprint: string) => ({
  type,
  sdp: `v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 ${fingerprint}\r\n`,
});

type Step = readonly [who: 'caller' | 'callee', type: string, content: Record<string, unknown>];

const stepOf = (who: Step[0], type: string, content: Step[2]): Step => [
  who,
  `m.call.${type}`,
  { call_id: 'call', party_id: who.toUpperCase(), version: '1', ...content },
];

const inviteWith = (fingerprint: string): Step =>
  stepOf('caller', 'invite', { lifetime: 60_000, offer: description('offer', fingerprint) });

/** Everything that two people say to each other after an invitation, in its order. */
// https://spec.matrix.org/v1.19/client-server-api/#voice-over-ip
const answersTo = (caller: string, callee: string): Step[] => {
  const candidate = { candidate: 'candidate:1 1 udp 1 192.0.2.7 9 typ host', sdpMid: '0' };
  return [
    stepOf('caller', 'candidates', { candidates: [candidate] }),
    stepOf('callee', 'answer', { answer: description('answer', callee) }),
    stepOf('callee', 'candidates', { candidates: [candidate] }),
    stepOf('caller', 'select_answer', { selected_party_id: 'CALLEE' }),
    stepOf('caller', 'negotiate', { lifetime: 30_000, description: description('offer', caller) }),
    stepOf('callee', 'sdp_stream_metadata_changed', { sdp_stream_metadata: {} }),
    stepOf('callee', 'reject', {}),
    stepOf('caller', 'hangup', { reason: 'user_hangup' }),
  ];
};

/** Makes the call, each event after the one before; afterwards both have read all of it. */
const makeCall = async (caller: Talker, callee: Talker, roomId: string, steps: readonly Step[]) => {
  for (const [index, [who, type, content]] of steps.entries()) {
    const [from, to] = who === 'caller' ? [caller, callee] : [callee, caller];
    const room = from.client.room(roomId);
    await room.sendEvent(type, content as Parameters<typeof room.sendEvent>[1]);
    await room.send(`${roomId} ${index}`);
    await to.reads(`${roomId} ${index}`);
  }
};

const callEvents = ({ read }: Talker, roomId: string) =>
  read
    .filter((message) => message.roomId === roomId && message.type.startsWith('m.call.'))
    .map(({ type, content, state, encrypted }) => ({ type, content, state, encrypted }));

/** What somebody reads of a call: what the other one said, as it was said and in its order. */
const demandHeard = (listener: Talker, roomId: string, said: readonly Step[]): void => {
  const heard = callEvents(listener, roomId);
  const expected = said.map(([, type, content]) => ({ type, content: JSON.stringify(content) }));
  const found = heard.map(({ type, content }) => ({ type, content: JSON.stringify(content) }));
  demand(match(found, expected, `what ${listener.name} was told of the call`));
  for (const one of heard) demand(match(one, { state: 'readable', encrypted: true }, one.type));
};

const searchServers = async (own: Deployment, roomId: string, fingerprints: readonly string[]) => {
  const materials = [
    ...(await Promise.all(own.servers.map(serverMaterial))).flat(),
    ...capturedMaterial(own.captured),
  ];
  const secrets = fingerprints.map((text) => ({ name: text, bytes: Buffer.from(text) }));
  const found = findSecrets(materials, secrets);
  if (found.length > 0) throw new Error(found.join('\n'));
  const known = { name: 'the room', bytes: Buffer.from(roomId) };
  if (findSecrets(materials, [known]).length === 0)
    throw new Error('the search does not even find the room: it proves nothing');
  return `neither of ${secrets.length}`;
};

const demandClearRefused = async (
  { account, client }: Talker,
  roomId: string,
  steps: readonly Step[],
) => {
  const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
  for (const [index, [, eventType, body]] of steps.entries()) {
    const params = { roomId, eventType, txnId: `clear-${index}` };
    await demandRefusal(account, clientServer.sendMessage, { params, body }, forbidden);
    const outcome = await client
      .call(clientServer.sendMessage, { params, body })
      .catch((error: { code?: string }) => error.code);
    demand(match(outcome, 'must-be-encrypted', 'the answer of the SDK'));
  }
  return `${steps.length} events`;
};

/** Somebody's own server shows them a call in clear in bob's name. */
const showCallInClear = async (
  account: Account,
  bob: Talker,
  folder: string,
  [, type, content]: Step,
) => {
  const proxy = await startMeddlingProxy(account.url);
  const dora = await signInTalker({ ...account, url: proxy.url }, { name: 'dora', folder });
  try {
    const { id } = await dora.client.directRoom(bob.userId);
    await bob.enters(id);
    await dora.sees(id, bob.userId, 'join');
    const event = { type, content, sender: bob.userId, event_id: '$call-in-clear' };
    proxy.meddle = (body) => {
      proxy.meddle = undefined;
      return { ...body, rooms: { join: { [id]: { timeline: { events: [event] } } } } };
    };
    await bob.client.room(id).setTyping(true);
    const shown = await dora.cannotRead('$call-in-clear');
    const expected = { state: 'refused', reason: 'not-encrypted', content: null };
    demand(match(shown, expected, 'what is shown'));
    return 'not-encrypted';
  } finally {
    await dora.stop();
    await proxy.close();
  }
};

export const calls = check({
  id: 'calls',
  run: ({ subject, step, ownStep }) =>
    withPeople(subject, ['alice', 'bob'], async ([alice, bob], { folder }) => {
      const fingerprints = [newFingerprint(), newFingerprint()] as const;
      const invite = inviteWith(fingerprints[0]);
      const steps = [invite, ...answersTo(...fingerprints)];
      const direct = await alice.client.directRoom(bob.userId);
      await bob.enters(direct.id);
      const group = await alice.client.createGroup({ invite: [bob.userId] });
      await bob.enters(group.id);
      for (const room of [direct, group]) await alice.sees(room.id, bob.userId, 'join');

      await step('a call is set up with events that are encrypted like messages', async () => {
        for (const { id } of [direct, group]) {
          await makeCall(alice, bob, id, steps);
          const by = (who: Step[0]) => steps.filter(([one]) => one === who);
          demandHeard(bob, id, by('caller'));
          demandHeard(alice, id, by('callee'));
          for (const event of await roomEvents(alice.account, id))
            demand(match(event.type, 'm.room.encrypted', 'an event of the room'));
        }
        return `${steps.length} events of ${new Set(steps.map(([, type]) => type)).size} types, in a direct room and in a group`;
      });

      await ownStep(
        'no fingerprint of it is on a server or on the wire',
        'it reads disks, logs and traffic',
        (own) => searchServers(own, direct.id, fingerprints),
      );

      await step('a call in clear is refused by the SDK and by the server', () =>
        demandClearRefused(alice, direct.id, steps),
      );

      await step('a call in clear that a server puts into a room is shown as refused', async () =>
        showCallInClear(await subject.register('dora'), bob, folder, invite),
      );
    }),
});
