import { randomBytes } from 'node:crypto';
import { clientServer, type Operation } from '@candor/spec';
import { type Caller, type CallParts, callOperation, demandRefusal } from '../../call-operation.ts';
import { check, demand } from '../../check.ts';
import type { Deployment } from '../../deployment.ts';
import { findSecrets, type Material } from '../../evidence/find-secrets.ts';
import { serverMaterial } from '../../evidence/server-material.ts';
import type { Homeserver } from '../../homeserver.ts';
import { match } from '../../match.ts';
import type { Account } from '../../register-account.ts';
import { signInTalker } from '../../talker.ts';

const unknownToken = { status: 401, errcode: 'M_UNKNOWN_TOKEN' };
const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
const toldWhy = {
  status: 403,
  errcode: 'M_USER_SUSPENDED',
  error: /^An administrator gave you this password: change it first\.$/,
};
const why = 'it runs a command on the machine of the server';

const credentials = (user: string, password: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password,
});

/** Signs in as another device, which also gets a refresh token. */
const signIn = async ({ url, userId }: Account, password: string) => {
  const body = { ...credentials(userId, password), refresh_token: true };
  const made = await callOperation({ url }, clientServer.login, { body });
  const { access_token: accessToken, device_id: deviceId, refresh_token: refresh = '' } = made;
  return { url, accessToken, deviceId, refresh };
};

const refuseSignIn = ({ url, userId }: Account, password: string): Promise<void> =>
  demandRefusal({ url }, clientServer.login, { body: credentials(userId, password) }, forbidden);

const changePassword = (caller: Caller, { userId }: Account, from: string, to: string) =>
  callOperation(caller, clientServer.changePassword, {
    body: { new_password: to, auth: credentials(userId, from) },
  });

/** The password that a reset prints, between the user id and what it is good for. */
const reset = async (server: Homeserver, { userId }: Account): Promise<string> => {
  const printed = await server.run(['admin', 'reset-password', userId]);
  const lines = printed.trimEnd().split('\n');
  demand(match(lines, [userId, /^[\w-]{20,}$/, /./], 'what the command prints'));
  return lines[1] ?? '';
};

const makeRoom = async (caller: Caller): Promise<string> => {
  const body = { preset: 'public_chat' };
  return (await callOperation(caller, clientServer.createRoom, { body })).room_id;
};

const messageTo = (roomId: string): CallParts => ({
  params: { roomId, eventType: 'm.room.message', txnId: randomBytes(8).toString('hex') },
  body: { msgtype: 'm.text', body: 'said after a reset' },
});

/** The ids of the devices whose keys others get to encrypt to. */
const devicesWithKeys = async (asker: Caller, { userId }: Account): Promise<string[]> => {
  const body = { device_keys: { [userId]: [] } };
  const { device_keys: keys } = await callOperation(asker, clientServer.queryKeys, { body });
  return Object.keys(keys[userId] ?? {});
};

/** A reset of somebody with three sessions, one of them of the SDK and one that can be renewed. */
const resetWithSessions = async ({ folder, servers: [server] }: Deployment, alice: Account) => {
  const phone = await signIn(alice, alice.password);
  const talker = await signInTalker(alice, { name: 'admin-reset', folder });
  await talker.stop();
  const { devices } = await callOperation(alice, clientServer.getDevices);
  demand(match(devices.length, 3, 'the number of devices before'));
  demand(match(await devicesWithKeys(alice, alice), [/./], 'the devices with keys before'));
  const temporary = await reset(server, alice);
  await refuseSignIn(alice, alice.password);
  for (const session of [alice, phone])
    await demandRefusal(session, clientServer.getTokenOwner, {}, unknownToken);
  const renewal = { body: { refresh_token: phone.refresh } };
  await demandRefusal({ url: alice.url }, clientServer.refresh, renewal, unknownToken);
  return temporary;
};

/** Reading goes, the rest is refused with the reason. */
const demandOnlyReading = async (
  caller: Caller,
  { userId }: Account,
  rooms: { readonly own: string; readonly other: string },
): Promise<string> => {
  const { own, other } = rooms;
  const joined = await callOperation(caller, clientServer.getJoinedRooms);
  demand(match(joined, { joined_rooms: [own] }, 'the list of rooms'));
  const seen = await callOperation(caller, clientServer.sync);
  demand(match(seen.rooms?.join?.[own] !== undefined, true, 'that the sync has the room'));
  const refused: readonly [Operation, CallParts][] = [
    [clientServer.createRoom, { body: {} }],
    [clientServer.joinRoomById, { params: { roomId: other }, body: {} }],
    [clientServer.sendMessage, messageTo(own)],
    [clientServer.inviteUser, { params: { roomId: own }, body: { user_id: '@nobody:localhost' } }],
    [
      clientServer.setProfileField,
      { params: { userId, keyName: 'displayname' }, body: { displayname: 'Alice' } },
    ],
  ];
  for (const [operation, parts] of refused) await demandRefusal(caller, operation, parts, toldWhy);
  return `refused, saying why: ${refused.map(([{ id }]) => id).join(', ')}`;
};

/** What an administrator and the user themselves are shown of an account. */
const whatIsShown = async (server: Homeserver, caller: Caller): Promise<Material[]> => {
  const users = await server.run(['admin', 'list-users']);
  const answers = [
    await callOperation(caller, clientServer.getTokenOwner),
    await callOperation(caller, clientServer.getDevices),
    await callOperation(caller, clientServer.sync),
  ];
  return [
    { name: 'the list of users', bytes: Buffer.from(users) },
    { name: 'the answers to the user', bytes: Buffer.from(JSON.stringify(answers)) },
  ];
};

export const adminReset = check({
  id: 'admin-reset',
  run: async ({ subject, ownStep }) => {
    const [alice, bob] = [await subject.register('alice'), await subject.register('bob')];
    const rooms = { own: await makeRoom(alice), other: await makeRoom(bob) };
    const changed = randomBytes(18).toString('base64url');
    let temporary = '';
    let session: Caller = alice;

    await ownStep(
      'a reset prints a password and ends the old one, every session and every device',
      why,
      async (own) => {
        temporary = await resetWithSessions(own, alice);
        const { deviceId, ...caller } = await signIn(alice, temporary);
        session = caller;
        const { devices } = await callOperation(session, clientServer.getDevices);
        demand(match(devices, [{ device_id: deviceId }], 'the devices after'));
        demand(match(await devicesWithKeys(bob, alice), [], 'the devices with keys after'));
        return 'of 3 devices, one with keys, none is left; 2 access tokens and a refresh token too';
      },
    );

    await ownStep('until it is changed the user reads, and is told why no more', why, () =>
      demandOnlyReading(session, alice, rooms),
    );

    await ownStep(
      'neither password is in the database, the data directory, the log or an answer',
      why,
      async ({ servers: [server] }) => {
        const shown = await whatIsShown(server, session);
        const materials = [...(await serverMaterial(server)), ...shown];
        const secrets = [
          { name: 'the password before', bytes: Buffer.from(alice.password) },
          { name: 'the temporary password', bytes: Buffer.from(temporary) },
        ];
        demand(findSecrets(materials, secrets).at(0));
        const there = { name: 'the user id', bytes: Buffer.from(alice.userId) };
        const places = findSecrets(materials, [there]).join();
        for (const name of [`${server.serverName} database dump`, ...shown.map((one) => one.name)])
          demand(match(places.includes(`is in ${name} (`), true, `that the user id is in ${name}`));
        return `2 passwords looked for in ${materials.length} files, lists and answers`;
      },
    );

    await ownStep('a password that was printed is not printed again', why, async (own) => {
      const [server] = own.servers;
      const [first, second] = [await reset(server, bob), await reset(server, bob)];
      demand(match(first === second, false, 'that both resets print the same'));
      await refuseSignIn(bob, first);
      return 'a second reset makes another one and ends the first';
    });

    await ownStep('with a password of their own everything goes again', why, async () => {
      await changePassword(session, alice, temporary, changed);
      await refuseSignIn(alice, temporary);
      const next = await signIn(alice, changed);
      for (const caller of [session, next]) {
        await callOperation(caller, clientServer.sendMessage, messageTo(rooms.own));
        const { other: roomId } = rooms;
        await callOperation(caller, clientServer.joinRoomById, { params: { roomId }, body: {} });
      }
      return 'messages and joins of the session that changed it and of a new one';
    });
  },
});
