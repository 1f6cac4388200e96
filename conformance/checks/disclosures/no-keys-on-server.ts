import { randomBytes } from 'node:crypto';
import { privateKeysOf, recoveryKey } from '@candor/client-sdk/testing';
import { clientServer } from '@candor/spec';
import { withPeople } from '../../cast.ts';
import { check } from '../../check.ts';
import { findSecrets, type Material, type Secret } from '../../evidence/find-secrets.ts';
import { capturedMaterial, serverMaterial } from '../../evidence/server-material.ts';
import type { Talker } from '../../talker.ts';

/** Kinds of keys that a device has once it has talked; without one of them the search would prove less. */
const kinds = [
  ...['device key', 'Signal identity key', 'master key', 'self-signing key', 'user-signing key'],
  ...['signed prekey', 'Kyber prekey', 'one-time prekey', 'root key', 'ratchet key'],
  ...['sending chain key', 'receiving chain key', 'chain key', 'signing key'],
  ...['archive secret', 'archive private key', 'archive sealing key', 'archive id key'],
];

/** What a device keeps to itself at this moment; it is stopped for the look. */
const keysOf = async (talker: Talker): Promise<Secret[]> => {
  await talker.stop();
  const keys = privateKeysOf(talker.store);
  await talker.start();
  return keys.map(({ name, bytes }) => ({ name: `${talker.name}'s ${name}`, bytes }));
};

const canary = (what: string): string => `${what}-${randomBytes(16).toString('hex')}`;

/** The number of messages in somebody's archive; without any the search would prove less. */
const archivedBy = async ({ client }: Talker): Promise<number> => {
  const { count } = await client.call(clientServer.getRoomKeysVersionCurrent, {});
  if (count === 0) throw new Error('nothing was archived: the search would prove less');
  return count;
};

const withoutDoubles = (secrets: readonly Secret[]): Secret[] => [
  ...new Map(secrets.map((one) => [Buffer.from(one.bytes).toString('hex'), one])).values(),
];

const megabytes = (materials: readonly Material[]): string =>
  (materials.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6).toFixed(0);

/** The first of the people keeps keys and messages on the server, sealed; gives what unseals the keys. */
const startArchive = async ({ name, client }: Talker): Promise<Secret[]> => {
  const passphrase = canary('passphrase');
  const written = await client.recovery.create({ passphrase });
  await client.recovery.archive.enable();
  const bytes = recoveryKey.decode(written);
  if (!bytes) throw new Error(`${written} is no recovery key`);
  return [
    { name: `${name}'s recovery key`, bytes },
    { name: `${name}'s recovery key as written down`, bytes: Buffer.from(written) },
    { name: `${name}'s passphrase`, bytes: Buffer.from(passphrase) },
  ];
};

/** Direct and group messages and a file, in every direction; gives what was said. */
const talk = async (people: readonly [Talker, Talker, Talker]): Promise<Secret[]> => {
  const [alice, bob, carol] = people;
  const said: string[] = [];
  const say = async (speaker: Talker, roomId: string, listeners: readonly Talker[]) => {
    const text = canary(`words-of-${speaker.name}`);
    said.push(text);
    await speaker.client.room(roomId).send(text);
    for (const listener of listeners) await listener.reads(text);
  };
  const direct = await alice.client.directRoom(bob.userId);
  await bob.enters(direct.id);
  await say(alice, direct.id, [bob]);
  await say(bob, direct.id, [alice]);
  const group = await alice.client.createGroup({ invite: [bob.userId, carol.userId] });
  await Promise.all([bob.enters(group.id), carol.enters(group.id)]);
  for (const speaker of people)
    await say(
      speaker,
      group.id,
      people.filter((one) => one !== speaker),
    );
  const [content, name] = [canary('file-content'), canary('file-name')];
  said.push(content, name);
  const bytes = Buffer.from(content.repeat(50));
  await alice.client.room(direct.id).sendFile({ bytes, name, type: 'text/plain' });
  await bob.client.room(direct.id).download(await bob.reads(name));
  return said.map((text) => ({ name: text, bytes: Buffer.from(text) }));
};

export const noKeysOnServer = check({
  id: 'no-keys-on-server',
  run: async ({ subject, ownStep }) => {
    await ownStep(
      'no key and no word of an encrypted conversation is on a server or crosses between them',
      'it reads disks, logs and traffic',
      async (own) => {
        let evidence = '';
        await withPeople(subject, ['alice', 'bob', 'carol'], async (people) => {
          const recovery = await startArchive(people[0]);
          const before = (await Promise.all(people.map(keysOf))).flat();
          const said = [...recovery, ...(await talk(people))];
          await people[0].client.recovery.archive.flush();
          const archived = await archivedBy(people[0]);
          const after = (await Promise.all(people.map(keysOf))).flat();
          const keys = withoutDoubles([...before, ...after]);
          for (const kind of kinds)
            if (!keys.some(({ name }) => name.includes(`'s ${kind}`)))
              throw new Error(`no ${kind} was found in the stores: the search would prove nothing`);
          const materials = [
            ...(await Promise.all(own.servers.map(serverMaterial))).flat(),
            ...capturedMaterial(own.captured),
          ];
          const found = findSecrets(materials, [...keys, ...said]);
          if (found.length > 0) throw new Error(found.slice(0, 10).join('\n'));
          // The same search finds what servers may know, in each of the two databases.
          const known = { name: 'the user id', bytes: Buffer.from(people[0].userId) };
          const places = findSecrets(materials, [known]).filter((text) => text.includes('dump'));
          if (places.length < own.servers.length)
            throw new Error('the search does not even find a user id: it proves nothing');
          evidence = `${keys.length} keys of 3 devices and ${said.length} canaries, with ${archived} messages archived, are nowhere in ${megabytes(materials)} MB: 2 databases, their files and journals, media, logs, ${own.captured.length} requests`;
        });
        return evidence;
      },
    );
  },
});
