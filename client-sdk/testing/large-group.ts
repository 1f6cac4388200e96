import { randomUUID } from 'node:crypto';
import { openSqlcipherStore } from '../stores/sqlcipher-store.ts';
import { crowd } from './crowd.ts';
import { Phone } from './phone.ts';
import { PostOffice } from './post-office.ts';

/** Runs one part of the work of a device; what the homeserver would do is not in it. */
export type Measure = <T>(work: () => Promise<T>) => Promise<T>;

/** Somebody with a store in a file who is in a group with so many devices, none of which is known to them yet. */
export const largeGroup = async (size: number, file: string) => {
  const office = new PostOffice();
  const members = crowd(office, size);
  const store = openSqlcipherStore(file, new Uint8Array(32).fill(1));
  const phone = new Phone(office, { ms: Date.now() }, '@alice:a.example', 'PHONE', store);
  await phone.setUp();
  const { engine, userId, deviceId } = phone;

  /** Asks for keys, starts sessions, hands the group's key out and encrypts, as far as each is needed. */
  const send = async (measure: Measure): Promise<void> => {
    const event = { roomId: '!group:a.example', members: [...members, userId], direct: false };
    const message = { type: 'm.room.message', content: { body: 'hello' }, txnId: randomUUID() };
    for (;;) {
      const step = await measure(() => engine.encryptRoomEvent({ ...event, ...message }));
      if (step.status === 'blocked') throw new Error(step.reason);
      const requests = step.status === 'needs' ? step.requests : step.toDevice;
      for (const request of requests) {
        const answer = office.answer(userId, deviceId, request);
        await measure(async () => {
          for (const part of engine.partsOf(request)) await engine.applyAnswer(part, answer);
        });
      }
      if (step.status === 'ready') return;
    }
  };

  return {
    send,
    close: async (): Promise<void> => {
      await engine.close();
      store.close();
    },
  };
};
