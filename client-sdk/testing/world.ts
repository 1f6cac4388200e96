import type { Store } from '../stores/store.ts';
import { Phone, type TestRoom } from './phone.ts';
import { PostOffice } from './post-office.ts';

let rooms = 0;

/** A post office, a clock, and a way to make phones and rooms. */
export const testWorld = () => {
  const office = new PostOffice();
  const clock = { ms: 1_700_000_000_000 };
  return {
    office,
    clock,
    phone: (name: string, deviceId = 'PHONE', store?: Store): Phone =>
      new Phone(office, clock, `@${name}:${name}.example`, deviceId, store),
    room: (direct: boolean, ...phones: Phone[]): TestRoom => ({
      roomId: `!room${++rooms}:a.example`,
      members: [...new Set(phones.map(({ userId }) => userId))],
      direct,
    }),
  };
};
