import { eventFromPdu, type JsonObject, roomVersionRules } from '@candor/federation';
import t from 'tap';
import { passesFilter } from './event-filter.ts';
import { roomSettings } from './room.ts';
import { isServerAllowed } from './server-acl.ts';

const rules = roomVersionRules('11');
if (!rules) throw new Error('no rules');

const roomWith = (content: JsonObject) => {
  const pdu = { type: 'm.room.server_acl', state_key: '', sender: '@a:b.example', content };
  const event = eventFromPdu(pdu as never, '$acl', '!r:b.example', rules);
  return { settings: new Map([[roomSettings.serverAcl, event]]) };
};

t.test('a list names servers by host, whatever their case and port', async (t) => {
  t.ok(isServerAllowed({ settings: new Map() }, 'any.example'), 'without a list');
  const room = roomWith({ allow: ['*'], deny: ['*.Evil.example', 'bad.example', 'h?st.example'] });
  for (const name of ['a.evil.example', 'A.EVIL.EXAMPLE:8448', 'BAD.example:1', 'host.example']) {
    t.notOk(isServerAllowed(room, name), name);
  }
  for (const name of ['evil.example', 'notbad.example', 'hst.example', '1.2.3.4', '[::1]:80']) {
    t.ok(isServerAllowed(room, name), name);
  }
  t.notOk(isServerAllowed(room, 'no server/name'));
});

t.test('IP literals can be kept out, all of them or one', async (t) => {
  const none = roomWith({ allow: ['*'], allow_ip_literals: false });
  for (const name of ['1.2.3.4', '1.2.3.4:80', '[::1]', '[2001:db8::1]:8448']) {
    t.notOk(isServerAllowed(none, name), name);
  }
  t.ok(isServerAllowed(none, 'a.example'));
  t.notOk(isServerAllowed(roomWith({ allow: ['*'], deny: ['1.2.3.*'] }), '1.2.3.4:80'));
  t.notOk(isServerAllowed(roomWith({ allow: ['*'], deny: ['[2001:DB8::*'] }), '[2001:db8::1]'));
});

t.test('what is malformed in a list names nobody', async (t) => {
  const bad: readonly JsonObject[] = [
    {},
    { allow: 7 },
    { allow: [7, null, {}] },
    { allow: [] },
    { deny: ['*'] },
  ];
  for (const content of bad) {
    t.notOk(isServerAllowed(roomWith(content), 'a.example'), JSON.stringify(content));
  }
  const room = roomWith({ allow: [7, '*'], deny: 'a.example', allow_ip_literals: 'no' });
  t.ok(isServerAllowed(room, 'a.example'));
  t.ok(isServerAllowed(room, '1.2.3.4'));
});

// Were these tried in every way, the test would not end.
t.test('hostile patterns are walked through once', async (t) => {
  const hostile = `${'a*'.repeat(15_000)}b`;
  const name = `${'a'.repeat(200)}.example`;
  t.notOk(isServerAllowed(roomWith({ allow: [hostile] }), name));
  t.notOk(
    isServerAllowed(roomWith({ allow: Array.from({ length: 300 }, () => '*a'.repeat(100)) }), name),
  );
  const event = { type: 'a'.repeat(255), sender: '@a:b.example', roomId: '!r', content: {} };
  t.notOk(passesFilter({ types: [hostile] }, event));
  t.ok(passesFilter({ not_types: [hostile], types: ['*a*a*a*'] }, event));
});
