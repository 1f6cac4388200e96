import { type RoomEvent, stateKeyOf } from '@candor/federation';
import t from 'tap';
import { Notifier } from './notifier.ts';

const eventOf = (fields: Partial<RoomEvent>): RoomEvent =>
  ({
    eventId: '$id',
    type: 'm.room.topic',
    stateKey: '',
    content: { topic: 'long '.repeat(10_000) },
    ...fields,
  }) as RoomEvent;

t.test('who listens hears the whole event; what is kept for later are its names', async (t) => {
  const notifier = new Notifier(0);
  const heard: unknown[] = [];
  notifier.listen(({ change }) => heard.push(change));
  const topic = eventOf({});
  const old = eventOf({ eventId: '$old' });
  const key = stateKeyOf('m.room.topic', '');
  const gone = { key: stateKeyOf('m.room.name', '') };
  const moved = [{ key, event: old }, gone];
  const change = { kind: 'event', roomId: '!r', event: topic, moved, wakes: ['@a:b'] } as const;
  notifier.publish(1, change);
  t.same(heard, [change]);
  const names = { eventId: '$id', type: 'm.room.topic', stateKey: '' };
  const kept = [{ key, event: { ...names, eventId: '$old' } }, gone];
  t.same(notifier.since(0), [{ position: 1, change: { ...change, event: names, moved: kept } }]);
});

t.test('of changes that were not all kept nothing is told', async (t) => {
  const notifier = new Notifier(10);
  t.equal(notifier.since(9), undefined);
  t.same(notifier.since(10), []);
});
