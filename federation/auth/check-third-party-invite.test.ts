import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { signJson } from '../json/sign-json.ts';
import { signingKeyFromSeed } from '../keys/signing-key.ts';
import { type Case, judge, type Sent } from '../testing/judge.ts';
import { people } from '../testing/tell-story.ts';

const { alice, bob } = people;
const dave = '@dave:d.example';
const erin = '@erin:e.example';

const identityKey = signingKeyFromSeed('0', Buffer.alloc(32, 1));
const otherKey = signingKeyFromSeed('0', Buffer.alloc(32, 2));
const offer = (sender: string, content: JsonObject): Sent => [
  sender,
  'm.room.third_party_invite',
  'token',
  content,
];
const offered = offer(alice, { public_key: identityKey.publicKey });
const thirdParty = (signed: JsonObject | undefined, sender = alice): Sent => [
  sender,
  'm.room.member',
  dave,
  { membership: 'invite', third_party_invite: signed === undefined ? {} : { signed } },
];
const signed = signJson({ mxid: dave, token: 'token' }, 'identity.example', identityKey);

const thirdPartyInvites: Case[] = [
  { name: 'an identity server vouches for an invite', given: [offered], sent: thirdParty(signed) },
  {
    name: 'one of several keys is enough, in either base64 alphabet',
    given: [
      offer(alice, {
        public_key: otherKey.publicKey,
        public_keys: [
          { public_key: 'junk' },
          { public_key: Buffer.from(identityKey.publicKey, 'base64').toString('base64url') },
        ],
      }),
    ],
    sent: thirdParty(signed),
  },
  {
    name: 'the banned are not invited by a third party',
    given: [offered, [alice, 'm.room.member', dave, { membership: 'ban' }]],
    sent: thirdParty(signed),
    rule: ['4.4.1.1', '5.4.1.1'],
  },
  {
    name: 'signed is missing',
    given: [offered],
    sent: thirdParty(undefined),
    rule: ['4.4.1.2', '5.4.1.2'],
  },
  {
    name: 'the token is missing',
    given: [offered],
    sent: thirdParty({ mxid: dave }),
    rule: ['4.4.1.3', '5.4.1.3'],
  },
  {
    name: 'the invite is for someone else',
    given: [offered],
    sent: thirdParty(signJson({ mxid: erin, token: 'token' }, 'identity.example', identityKey)),
    rule: ['4.4.1.4', '5.4.1.4'],
  },
  { name: 'the room made no such offer', sent: thirdParty(signed), rule: ['4.4.1.5', '5.4.1.5'] },
  {
    name: 'someone else made the offer',
    given: [offered],
    sent: thirdParty(signed, bob),
    rule: ['4.4.1.6', '5.4.1.6'],
  },
  {
    name: 'another key signed',
    given: [offered],
    sent: thirdParty(signJson({ mxid: dave, token: 'token' }, 'identity.example', otherKey)),
    rule: ['4.4.1.8', '5.4.1.8'],
  },
  {
    name: 'what was signed was changed',
    given: [offered],
    sent: thirdParty({ ...signed, more: 1 }),
    rule: ['4.4.1.8', '5.4.1.8'],
  },
];

for (const version of ['10', '11', '12']) {
  t.test(`version ${version}: third-party invites`, async (t) => {
    for (const one of thirdPartyInvites) {
      t.equal(judge(version, one), one.rule?.[version === '12' ? 1 : 0], one.name);
    }
  });
}

t.test(
  'a third-party invite with hundreds of keys and signatures is not checked against all',
  async (t) => {
    const public_keys = Array.from({ length: 20 }, (_, index) => ({
      public_key: signingKeyFromSeed('0', Buffer.alloc(32, 10 + index)).publicKey,
    }));
    const given = [
      offer(alice, { public_keys: [...public_keys, { public_key: identityKey.publicKey }] }),
    ];
    t.equal(judge('12', { name: '', given, sent: thirdParty(signed) }), '5.4.1.8');
  },
);
