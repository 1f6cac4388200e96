import t from 'tap';
import { signingKeyFromSeed } from '../keys/signing-key.ts';
import { rulesOf } from '../testing/tell-story.ts';
import { signEvent } from './build-event.ts';
import { contentHash, eventIdOf, referenceHash } from './event-hashes.ts';

const seed = Buffer.from('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1', 'base64');
const key = signingKeyFromSeed('1', seed);
const rules = rulesOf('10');

const minimal = {
  room_id: '!x:domain',
  sender: '@a:domain',
  origin: 'domain',
  origin_server_ts: 1000000,
  signatures: {},
  hashes: {},
  type: 'X',
  content: {},
  prev_events: [],
  auth_events: [],
  depth: 3,
  unsigned: { age_ts: 1000000 },
};

// https://spec.matrix.org/v1.19/appendices/#event-signing
t.test("the specification's minimal event", async (t) => {
  t.equal(contentHash(minimal), '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos');
  const hashed = { ...minimal, hashes: { sha256: contentHash(minimal) } };
  t.strictSame(signEvent(hashed, rules, 'domain', key), {
    ...hashed,
    signatures: {
      domain: {
        'ed25519:1':
          'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
      },
    },
  });
});

t.test("the specification's event with redactable content", async (t) => {
  const event = {
    content: { body: 'Here is the message content' },
    event_id: '$0:domain',
    origin: 'domain',
    origin_server_ts: 1000000,
    type: 'm.room.message',
    room_id: '!r:domain',
    sender: '@u:domain',
    signatures: {},
    unsigned: { age_ts: 1000000 },
  };
  t.equal(contentHash(event), 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g');
  const hashed = { ...event, hashes: { sha256: contentHash(event) } };
  t.strictSame(signEvent(hashed, rules, 'domain', key).signatures, {
    domain: {
      'ed25519:1':
        'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
    },
  });
});

t.test(
  'an event id is the reference hash, which signatures and redaction leave alone',
  async (t) => {
    const event = { ...minimal, type: 'm.room.message', content: { body: 'x' } };
    const eventId = eventIdOf(event, rules);
    t.match(eventId, /^\$[A-Za-z0-9_-]{43}$/);
    t.equal(eventId, `$${referenceHash(event, rules)}`);
    t.equal(eventIdOf({ ...event, signatures: { a: {} }, unsigned: {} }, rules), eventId);
    t.equal(eventIdOf({ ...event, content: { body: 'y' } }, rules), eventId);
    t.not(eventIdOf({ ...event, hashes: { sha256: 'x' } }, rules), eventId);
    t.not(eventIdOf(event, rulesOf('11')), eventId, 'version 11 drops origin');
  },
);
