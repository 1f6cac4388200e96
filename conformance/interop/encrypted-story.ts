import { MsgType, Preset } from 'matrix-js-sdk';
import type { Test } from 'tap';
import type { SdkClient } from './js-sdk-client.ts';
import { waitUntil } from './wait-until.ts';

const encryption = {
  type: 'm.room.encryption',
  state_key: '',
  content: { algorithm: 'm.megolm.v1.aes-sha2' },
};

/** Two people of different homeservers talk in a room with Megolm, made by the first. */
export const tellEncryptedStory = async (t: Test, maker: SdkClient, guest: SdkClient) => {
  const guestId = guest.client.getSafeUserId();
  const { room_id: roomId } = await maker.client.createRoom({
    preset: Preset.TrustedPrivateChat,
    invite: [guestId],
    is_direct: true,
    initial_state: [encryption],
  });
  const roomOf = ({ client }: SdkClient) => client.getRoom(roomId);
  await waitUntil('the invite', () => roomOf(guest)?.getMyMembership() === 'invite');
  await guest.client.joinRoom(roomId);
  await waitUntil(
    'the join at the other server',
    () => roomOf(maker)?.getMember(guestId)?.membership === 'join',
  );
  await waitUntil('the encryption', () => roomOf(guest)?.hasEncryptionStateEvent());
  for (const [from, to] of [
    [maker, guest],
    [guest, maker],
    [maker, guest],
  ] as const) {
    const body = `from ${from.client.getSafeUserId()}, ${from.read.length}, ${to.read.length}`;
    await from.client.sendMessage(roomId, { msgtype: MsgType.Text, body });
    await waitUntil(`'${body}'`, () => to.read.includes(body));
    const last = roomOf(to)?.getLiveTimeline().getEvents().at(-1);
    t.equal(last?.getWireType(), 'm.room.encrypted');
    t.equal(last?.getContent()['body'], body);
  }
};
