import t from 'tap';
import { asPerson } from '../interop/person.ts';
import { waitUntil } from '../interop/wait-until.ts';
import { sendRequest } from '../send-request.ts';
import { errorOf, joinAsPeer, type MadeEvent, sealEvent } from './peer-in-room.ts';
import { startScene } from './start-scene.ts';

t.setTimeout(300_000);

const { homeserver, peer, authority } = await startScene(t);
const alice = asPerson(await homeserver.register('alice', { admin: true }));

const createRoom = async (body: object): Promise<string> => {
  const made = await alice.call('POST', '/v3/createRoom', { preset: 'public_chat', ...body });
  return String(made['room_id']);
};

let names = 0;
const enter = (roomId: string) => {
  names += 1;
  return joinAsPeer(peer, homeserver, roomId, `mallory${names}`);
};

type Synced = {
  readonly next_batch: string;
  readonly rooms?: {
    readonly join?: Readonly<
      Record<string, { readonly timeline: { readonly events: readonly { event_id: string }[] } }>
    >;
  };
};

const isShown = async (roomId: string, { eventId }: MadeEvent): Promise<boolean> =>
  (await alice.timeline(roomId, 100)).some((event) => event.event_id === eventId);

for (const version of ['10', '11', '12']) {
  t.test(`what a peer sends into a room of version ${version} is checked`, async (t) => {
    const roomId = await createRoom({ room_version: version });
    const mallory = await enter(roomId);

    await t.test('a good event is taken and shown', async (t) => {
      const good = mallory.say('hello');
      t.equal(errorOf(await mallory.send([good]), good), '');
      t.ok(await isShown(roomId, good));
    });

    await t.test('a bad event costs itself and nothing else', async (t) => {
      const good = mallory.make({});
      const long = 'x'.repeat(256);
      const [forged, unsigned] = ['forged', 'unsigned'].map((body) =>
        mallory.make({ content: { body } }),
      );
      if (!forged || !unsigned) throw new Error('not made');
      const signatures = good.pdu['signatures'] ?? {};
      const bad: Readonly<Record<string, MadeEvent>> = {
        'forged signature': { ...forged, pdu: { ...forged.pdu, signatures } },
        'no signature': { ...unsigned, pdu: { ...unsigned.pdu, signatures: {} } },
        'sender of another server': mallory.make({ sender: alice.userId }),
        'sender without a server': mallory.make({ sender: '@mallory' }),
        'too large': mallory.make({ content: { body: 'x'.repeat(66_000) } }),
        'type too long': mallory.make({ type: long }),
        'state key too long': mallory.make({ state_key: long }),
        'too many prev_events': mallory.make({
          prev_events: Array.from({ length: 21 }, (_, i) => `$${'a'.repeat(42)}${i % 10}`),
        }),
        'too many auth_events': mallory.make({
          auth_events: Array.from({ length: 11 }, () => mallory.join.eventId),
        }),
        'negative depth': mallory.make({ depth: -1 }),
        'no depth': mallory.make({ depth: undefined }),
        'no content': mallory.make({ content: undefined }),
        'text as prev_events': mallory.make({ prev_events: 'x' }),
      };
      const junk = [null, 7, 'x', [], {}, { room_id: roomId }, { room_id: 7 }];
      const made = junk.map((pdu) => ({ eventId: '$junk', pdu: pdu as never }));
      const answer = await mallory.send([...made, ...Object.values(bad), good]);
      t.equal(answer.status, 200);
      t.equal(errorOf(answer, good), '', 'the good one is taken');
      mallory.tip = good;
      t.ok(await isShown(roomId, good));
      for (const [what, event] of Object.entries(bad)) {
        t.not(errorOf(answer, event), '', what);
        t.notOk(await isShown(roomId, event), what);
      }
    });

    await t.test('numbers that other servers may read otherwise are refused', async (t) => {
      const sent = ['1.5', '1e3', '-0', '9007199254740992', '"\\ud800"', '{"a":1,"a":2}'];
      const good = mallory.make({});
      for (const text of sent) {
        const body = JSON.stringify({
          origin: peer.serverName,
          origin_server_ts: 1,
          pdus: [{ ...good.pdu, content: { body: 'SLOT' } }],
        }).replace('"SLOT"', text);
        const url = `https://${homeserver.serverName}/_matrix/federation/v1/send/n${names++}`;
        const authorization = 'X-Matrix origin="a.test",key="ed25519:a",sig="AAAA"';
        const options = { method: 'PUT', body, ca: authority.cert, headers: { authorization } };
        t.ok([400, 401].includes((await sendRequest(url, options)).status), text);
      }
    });

    await t.test('what an event cites is had one by one where no chain is told', async (t) => {
      const renamed = mallory.make({
        type: 'm.room.member',
        state_key: mallory.userId,
        content: { membership: 'join', displayname: 'M' },
      });
      const cited = mallory.make({}).pdu['auth_events'] as readonly string[];
      const citing = mallory.make({
        auth_events: cited.map((id) => (id === mallory.join.eventId ? renamed.eventId : id)),
      });
      let isTold = false;
      peer.answer(({ path }) => {
        if (path[1] === 'event_auth') return { status: 404, body: {} };
        const isAsked = path[1] === 'event' && path[2] === renamed.eventId;
        return isAsked && isTold ? { body: { pdus: [renamed.pdu] } } : undefined;
      });
      t.not(errorOf(await mallory.send([citing]), citing), '', 'it cannot be had');
      isTold = true;
      t.equal(errorOf(await mallory.send([citing]), citing), '');
      mallory.tip = citing;
      t.ok(await isShown(roomId, citing));
    });

    await t.test('only redactions that have an effect are shown', async (t) => {
      const said = await alice.send(roomId, 'mine');
      const elsewhere = await createRoom({ room_version: version });
      const other = await alice.send(elsewhere, 'mine, elsewhere');
      const own = mallory.say('to be taken back');
      const redact = (target: string) => {
        const redaction = { type: 'm.room.redaction', content: {} };
        return mallory.make(
          version === '10'
            ? { ...redaction, redacts: target }
            : { ...redaction, content: { redacts: target } },
        );
      };
      const idle = [said, other, '$nothing'].map(redact);
      const [effective, last] = [redact(own.eventId), mallory.make({})];
      const { next_batch: since } = await alice.call<Synced>('GET', '/v3/sync');
      const answer = await mallory.send([own, ...idle, effective, last]);
      t.equal(errorOf(answer, last), '');
      mallory.tip = last;
      const seen = async () => {
        const filter = JSON.stringify({ room: { timeline: { limit: 100 } } });
        const query = new URLSearchParams({ since, filter });
        const { rooms } = await alice.call<Synced>('GET', `/v3/sync?${query}`);
        return rooms?.join?.[roomId]?.timeline.events.map((event) => event.event_id) ?? [];
      };
      await waitUntil('the sync has all', async () => (await seen()).includes(last.eventId));
      const synced = await seen();
      for (const { eventId } of idle) {
        t.notOk(synced.includes(eventId));
        t.notOk(await isShown(roomId, { eventId, pdu: last.pdu }));
      }
      t.ok(synced.includes(effective.eventId));
      t.ok(await isShown(roomId, effective));
      t.match(
        (await alice.timeline(roomId, 100)).find((event) => event.event_id === said),
        {
          content: { body: 'mine' },
        },
      );
    });

    await t.test('content that does not match its hash is taken redacted', async (t) => {
      const made = mallory.make({ content: { msgtype: 'm.text', body: 'as signed' } });
      const changed = { ...made, pdu: { ...made.pdu, content: { body: 'changed on the way' } } };
      t.equal(errorOf(await mallory.send([changed]), made), '');
      mallory.tip = made;
      const shown = (await alice.timeline(roomId)).find(({ event_id: id }) => id === made.eventId);
      t.strictSame(shown?.content, {});
    });

    await t.test('auth_events that do not fit reject the event', async (t) => {
      const [create, levels, member] = [
        mallory.state.get('m.room.create '),
        mallory.state.get('m.room.power_levels '),
        mallory.join,
      ].map((event) => event?.eventId ?? '');
      const good = mallory.make({}).pdu['auth_events'] as readonly string[];
      const bad = {
        twice: [...good, ...good.slice(0, 1)],
        'not state': [...good, mallory.tip.eventId],
        'not to be cited': [...good, mallory.state.get('m.room.join_rules ')?.eventId ?? ''],
        unknown: [...good, `$${'u'.repeat(43)}`],
        none: [],
        'without membership': version === '12' ? [levels] : [create, levels],
        'of nothing but the member': version === '12' ? ['$x'] : [member],
      };
      for (const [what, auth_events] of Object.entries(bad)) {
        const event = mallory.make({ auth_events: auth_events as string[] });
        t.notOk(await isShown(roomId, event));
        t.not(errorOf(await mallory.send([event]), event), '', what);
        t.notOk(await isShown(roomId, event), what);
      }
      const create2 = sealEvent(peer, mallory.rules, {
        ...(version !== '12' && { room_id: roomId }),
        type: 'm.room.create',
        state_key: '',
        sender: mallory.userId,
        content: { creator: mallory.userId, room_version: version },
        origin_server_ts: 1,
        prev_events: [],
        auth_events: [],
        depth: 1,
      });
      t.equal((await mallory.send([create2])).status, 200);
      t.equal(
        (await mallory.send([mallory.make({ type: 'm.room.create', state_key: '' })])).status,
        200,
      );
      const state = await alice.call(
        'GET',
        `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.create`,
      );
      t.not(state['creator'], mallory.userId);
    });

    await t.test(
      'what is built on a rejected event still counts, the rejected one does not',
      async (t) => {
        const rejected = mallory.make({
          type: 'm.room.topic',
          state_key: '',
          content: { topic: 'no' },
        });
        const after = mallory.make({
          prev_events: [rejected.eventId],
          depth: Number(rejected.pdu['depth']) + 1,
        });
        const answer = await mallory.send([rejected, after]);
        t.not(errorOf(answer, rejected), '');
        t.equal(errorOf(answer, after), '');
        mallory.tip = after;
        t.ok(await isShown(roomId, after));
        const topic = alice.call(
          'GET',
          `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.topic`,
        );
        await t.rejects(topic, /404/);
      },
    );

    await t.test('an event at the greatest depth leaves the room usable', async (t) => {
      const deep = mallory.make({ depth: Number.MAX_SAFE_INTEGER });
      t.equal(errorOf(await mallory.send([deep]), deep), '');
      mallory.tip = deep;
      const eventId = await alice.send(roomId, 'still here');
      t.ok((await alice.timeline(roomId)).some((event) => event.event_id === eventId));
      const after = mallory.make({ depth: Number.MAX_SAFE_INTEGER });
      t.equal(errorOf(await mallory.send([after]), after), '');
    });

    await t.test('who was banned cannot go on from before the ban', async (t) => {
      const trudy = await enter(roomId);
      const before = trudy.say('before the ban');
      await trudy.send([before]);
      const path = `/v3/rooms/${encodeURIComponent(roomId)}`;
      await alice.call('POST', `${path}/ban`, { user_id: trudy.userId });
      const evading = trudy.say('after the ban');
      t.equal(errorOf(await trudy.send([evading]), evading), '', 'soft failure is not told');
      t.notOk(await isShown(roomId, evading));
      t.ok(await isShown(roomId, before));
      await t.rejects(alice.call('GET', `${path}/event/${evading.eventId}`), /404/);
      const next = await alice.send(roomId, 'good riddance');
      await waitUntil('the next event at the peer', () =>
        peer.asked.some(({ body }) => JSON.stringify(body ?? '').includes('good riddance')),
      );
      const sent = peer.asked.find(({ body }) =>
        JSON.stringify(body ?? '').includes('good riddance'),
      );
      t.notOk(JSON.stringify(sent?.body).includes(evading.eventId), `${next} does not name it`);
    });
  });
}

t.test('plaintext for an encrypted room is soft-failed and counted', async (t) => {
  const content = { algorithm: 'm.megolm.v1.aes-sha2' };
  const roomId = await createRoom({
    initial_state: [{ type: 'm.room.encryption', state_key: '', content }],
  });
  const mallory = await enter(roomId);
  const count = async () => {
    const { bytes } = await sendRequest(`${homeserver.url}/metrics`);
    return Number(/^candor_federation_plaintext_total (\d+)$/m.exec(bytes.toString())?.[1]);
  };
  const before = await count();
  const plain = mallory.say('readable by everybody');
  t.equal(errorOf(await mallory.send([plain]), plain), '');
  t.notOk(await isShown(roomId, plain));
  t.equal(await count(), before + 1);
  const sealed = mallory.make({
    type: 'm.room.encrypted',
    content: { ...content, ciphertext: 'AAAA', session_id: 's' },
    prev_events: [mallory.join.eventId],
  });
  t.equal(errorOf(await mallory.send([sealed]), sealed), '');
  t.ok(await isShown(roomId, sealed));
  t.equal(await count(), before + 1);
  t.notMatch(await homeserver.logs(), /readable by everybody/);
});

t.test('transactions have caps, are taken once, and are those of who signed them', async (t) => {
  const roomId = await createRoom({});
  const mallory = await enter(roomId);
  const event = mallory.say('once');
  const put = (body: object) =>
    peer.ask(homeserver, 'PUT', '/_matrix/federation/v1/send/same', body as never);
  const transaction = { origin: peer.serverName, origin_server_ts: 1, pdus: [event.pdu] };
  const first = await put(transaction);
  t.strictSame(first.json, { pdus: { [event.eventId]: {} } });
  t.strictSame((await put(transaction)).json, first.json);
  const other = mallory.say('another under the same id');
  t.strictSame((await put({ ...transaction, pdus: [other.pdu] })).json, first.json);
  t.notOk(await isShown(roomId, other));

  const many = (size: number) => Array.from({ length: size }, () => ({}));
  const to = (txnId: string, body: object) =>
    peer.ask(homeserver, 'PUT', `/_matrix/federation/v1/send/${txnId}`, body as never);
  t.equal((await to('pdus', { ...transaction, pdus: many(51) })).status, 400);
  t.equal((await to('edus', { ...transaction, pdus: [], edus: many(101) })).status, 400);
  t.equal((await to('full', { ...transaction, pdus: many(50), edus: many(100) })).status, 200);
  t.equal((await to('origin', { ...transaction, origin: 'other.test' })).status, 403);
  t.equal(
    (await peer.ask({ serverName: homeserver.serverName }, 'PUT', '/_matrix/federation/v1/send/x'))
      .status,
    400,
  );
});

t.test('a flood of transactions is held off and harms nobody', async (t) => {
  const roomId = await createRoom({});
  const mallory = await enter(roomId);
  const events = Array.from({ length: 40 }, (_, i) =>
    mallory.make({ prev_events: [mallory.join.eventId], content: { body: `${i}` } }),
  );
  const answers = await Promise.all(events.map((event) => mallory.send([event])));
  const statuses = new Set(answers.map(({ status }) => status));
  t.strictSame([...statuses].sort(), [200, 429]);
  const held = answers.find(({ status }) => status === 429);
  t.match(held?.json, { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: Number });
  const last = mallory.make({ content: { body: 'after the flood' } });
  t.equal(errorOf(await mallory.send([last]), last), '');
  t.ok(await isShown(roomId, last));
});

t.test('a room keeps servers out by its list', async (t) => {
  const roomId = await createRoom({});
  const mallory = await enter(roomId);
  const host = 'localhost';
  await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: [host.toUpperCase()] });
  const event = mallory.say('let me in');
  t.match(errorOf(await mallory.send([event]), event), /keeps this server out/);
  t.notOk(await isShown(roomId, event));
  const room = encodeURIComponent(roomId);
  const user = encodeURIComponent(mallory.userId);
  const id = encodeURIComponent(mallory.join.eventId);
  for (const path of [
    `v1/make_join/${room}/${user}?ver=12`,
    `v1/make_knock/${room}/${user}?ver=12`,
    `v1/make_leave/${room}/${user}`,
    `v1/state/${room}?event_id=${id}`,
    `v1/state_ids/${room}?event_id=${id}`,
    `v1/event_auth/${room}/${id}`,
    `v1/backfill/${room}?v=${id}&limit=1`,
  ]) {
    const answer = await peer.ask(homeserver, 'GET', `/_matrix/federation/${path}`);
    t.match(answer, { status: 403, json: { errcode: 'M_FORBIDDEN' } }, path);
  }
});

t.test('a peer cannot keep the server fetching without end', async (t) => {
  const roomId = await createRoom({});
  const mallory = await enter(roomId);
  let made = 0;
  const bottomless = () => {
    made += 1;
    const prev = mallory.make({ content: { body: `never sent ${made}` } });
    return mallory.make({ prev_events: [prev.eventId], content: { body: `${made}` } });
  };
  peer.answer(({ path }) => {
    if (path[1] === 'get_missing_events') {
      return { body: { events: Array.from({ length: 200 }, () => bottomless().pdu) } };
    }
    return path[1] === 'state_ids'
      ? {
          body: {
            pdu_ids: [],
            auth_chain_ids: Array.from({ length: 50 }, (_, i) => `$${made}.${i}`),
          },
        }
      : undefined;
  });
  const before = peer.asked.length;
  const event = bottomless();
  const answer = await mallory.send([event]);
  t.not(errorOf(answer, event), '');
  t.ok(peer.asked.length - before < 2_500, `${peer.asked.length - before} requests`);
  t.notOk(await isShown(roomId, event));
  const good = mallory.say('and now an honest one');
  t.equal(errorOf(await mallory.send([good]), good), '');
});
