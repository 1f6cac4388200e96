export * from './events/room-event.ts';
