import { randomBytes } from 'node:crypto';
import { type JsonObject, signingKeyFromSeed } from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import { deviceDirectory } from '../signal/device-directory.ts';
import type { Envelope } from '../signal/plaintext.ts';
import { openMemoryStore } from '../stores/memory-store.ts';
import { archiveKeys } from './archive-keys.ts';
import { archiveVersion } from './archive-version.ts';
import { sealedEvent } from './sealed-event.ts';

const secret = new Uint8Array(32).fill(5);
const keys = archiveKeys(secret);
const sealedFor = {
  userId: '@alice:a.example',
  roomId: '!room:a.example',
  eventId: '$event',
  sender: '@bob:b.example',
};
const envelope: Envelope = {
  v: 1,
  room_id: '!room:a.example',
  sender: '@bob:b.example',
  sender_device: 'PHONE',
  type: 'm.room.message',
  content: { msgtype: 'm.text', body: 'hello' },
  txn_id: 'txn',
};
const bytesOf = (text: unknown) => Buffer.from(String(text), 'base64');

t.test('what is sealed opens again, whatever it is', async (t) => {
  fc.assert(
    fc.property(fc.object(), fc.string(), (value, eventId) => {
      const content: JsonObject = JSON.parse(JSON.stringify({ value }));
      const target = { ...sealedFor, eventId };
      const opened = sealedEvent.open(
        keys,
        target,
        sealedEvent.seal(keys, target, { ...envelope, content }),
      );
      return JSON.stringify(opened?.content) === JSON.stringify(content);
    }),
  );
  t.pass();
});

t.test('a changed bit anywhere is noticed', async (t) => {
  const sealed = sealedEvent.seal(keys, sealedFor, envelope);
  t.same(sealedEvent.open(keys, sealedFor, sealed), envelope);
  for (const part of ['ephemeral', 'ciphertext']) {
    const bytes = bytesOf(sealed[part]);
    let opened = 0;
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const text = changed.toString('base64');
      if (sealedEvent.open(keys, sealedFor, { ...sealed, [part]: text })) opened += 1;
    }
    t.equal(opened, 0, part);
  }
});

t.test('it opens for its own user, room, event and sender only', async (t) => {
  const sealed = sealedEvent.seal(keys, sealedFor, envelope);
  for (const name of ['userId', 'roomId', 'eventId', 'sender'] as const) {
    t.equal(
      sealedEvent.open(keys, { ...sealedFor, [name]: '@other:a.example' }, sealed),
      undefined,
    );
  }
  // Lengths are part of it: the end of one name is not the beginning of the next.
  const shifted = { ...sealedFor, roomId: '!room:a.example$', eventId: 'event' };
  const forShifted = sealedEvent.seal(keys, shifted, { ...envelope, room_id: shifted.roomId });
  t.equal(sealedEvent.open(keys, { ...sealedFor, roomId: shifted.roomId }, forShifted), undefined);
});

t.test(
  'an envelope of another room or sender is refused though it was sealed for this event',
  async (t) => {
    for (const part of [{ room_id: '!other:a.example' }, { sender: '@carol:a.example' }]) {
      const sealed = sealedEvent.seal(keys, sealedFor, { ...envelope, ...part });
      t.equal(sealedEvent.open(keys, sealedFor, sealed), undefined);
    }
  },
);

t.test('the public key alone seals nothing that would open', async (t) => {
  // What a homeserver can do: it knows the public key and nothing else.
  const forger = { ...archiveKeys(new Uint8Array(randomBytes(32))), publicKey: keys.publicKey };
  const forged = sealedEvent.seal(forger, sealedFor, envelope);
  t.equal(sealedEvent.open(keys, sealedFor, forged), undefined);
});

t.test('malformed entries are no entries', async (t) => {
  const sealed = sealedEvent.seal(keys, sealedFor, envelope);
  const lowOrder = Buffer.alloc(32).toString('base64');
  const odd = [undefined, null, 7, 'text', [], {}, { ...sealed, ephemeral: lowOrder }];
  for (const one of [...odd, { ...sealed, ciphertext: 'AAAA' }, { ...sealed, ephemeral: {} }]) {
    t.equal(sealedEvent.open(keys, sealedFor, one), undefined);
  }
});

t.test('sizes say no more than the padding of a message does', async (t) => {
  const sizeOf = (body: string) => {
    const content = { msgtype: 'm.text', body };
    return String(sealedEvent.seal(keys, sealedFor, { ...envelope, content })['ciphertext']).length;
  };
  t.equal(sizeOf('yes'), sizeOf('no, not today'));
});

t.test('ids are the same each time, and differ by room, event and archive', async (t) => {
  const id = sealedEvent.idOf(keys, '!r:a', '$e');
  t.match(id, /^[A-Za-z0-9_-]{43}$/);
  t.equal(sealedEvent.idOf(archiveKeys(secret), '!r:a', '$e'), id);
  const others = [
    sealedEvent.idOf(keys, '!r:a$', 'e'),
    sealedEvent.idOf(keys, '!r:a', '$f'),
    sealedEvent.idOf(archiveKeys(new Uint8Array(32)), '!r:a', '$e'),
  ];
  t.equal(new Set([id, ...others]).size, 4);
});

t.test('only a version signed by the user’s own is taken for signed', async (t) => {
  const userId = '@alice:a.example';
  const store = openMemoryStore();
  const seed = randomBytes(32);
  const masterKey = signingKeyFromSeed('', seed).publicKey;
  const signer = signingKeyFromSeed(masterKey, seed);
  const put = (trust: 'pinned' | 'verified') =>
    store.transaction((tx) => {
      deviceDirectory.track(tx, [userId]);
      const user = tx.get('users', { userId });
      if (user) tx.put('users', { ...user, trust, masterKey });
    });
  put('verified');
  const algorithm = 'dev.candor.archive.v1';
  const read = (auth_data: JsonObject, named = algorithm) =>
    archiveVersion.read(store, userId, { version: '1', algorithm: named, auth_data });
  const signed = archiveVersion.authData(userId, keys.publicKeyText, [signer]);
  t.match(read(signed), { kind: 'ours', publicKey: keys.publicKeyText, isSigned: true });
  const swapped = archiveKeys(new Uint8Array(32)).publicKeyText;
  t.match(read({ ...signed, public_key: swapped }), { kind: 'ours', isSigned: false });
  t.match(read(archiveVersion.authData(userId, swapped, [])), { kind: 'ours', isSigned: false });
  t.match(read(signed, 'm.megolm_backup.v1.curve25519-aes-sha2'), { kind: 'foreign' });
  const { algorithm: _named, ...relabelled } = signed;
  t.match(read(relabelled), { kind: 'foreign' });
  t.equal(archiveVersion.read(store, userId, {}), undefined);
  put('pinned');
  t.match(read(signed), { isSigned: false }, 'a key that only the server vouches for');
});
