import {
  contentHash,
  eventIdOf,
  isObject,
  type Json,
  type JsonObject,
  type Pdu,
  type RoomVersionRules,
  roomVersionRules,
  signEvent,
} from '@candor/federation';
import type { ReceivedAnswer } from '../send-request.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

type Fields = { readonly [name: string]: Json | undefined };

export type MadeEvent = { readonly eventId: string; readonly pdu: Pdu };

/** A user of a scripted peer in a room of a homeserver, who can say anything there. */
export type PeerInRoom = {
  readonly userId: string;
  readonly roomId: string;
  readonly rules: RoomVersionRules;
  /** The events of the state that the join was answered with, by type and state key. */
  readonly state: ReadonlyMap<string, MadeEvent>;
  readonly join: MadeEvent;
  /** Where the next event goes when it does not say so itself. */
  tip: MadeEvent;
  /** A signed event; `fields` override what a good one would have, and undefined takes a field out. */
  make(fields: Fields): MadeEvent;
  /** A message after the tip, which it becomes. */
  say(text: string): MadeEvent;
  /** Sends the events in one transaction. */
  send(events: readonly MadeEvent[], edus?: readonly Json[]): Promise<ReceivedAnswer>;
};

/** Hashes and signs whatever the event says. */
export const sealEvent = (
  { signer }: Pick<ScriptedPeer, 'signer'>,
  rules: RoomVersionRules,
  fields: Fields,
): MadeEvent => {
  const present = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  );
  const hashed = {
    ...present,
    hashes: present['hashes'] ?? { sha256: contentHash(present as JsonObject as Pdu) },
  };
  const pdu = signEvent(hashed as JsonObject as Pdu, rules, signer.serverName, signer.key);
  return { eventId: eventIdOf(pdu, rules), pdu };
};

const keyOf = (type: string, stateKey = '') => `${type} ${stateKey}`;

const textIn = (pdu: Pdu, name: string): string => {
  const value = pdu[name];
  return typeof value === 'string' ? value : '';
};

let transactions = 0;
const enc = encodeURIComponent;

type Joined = Pick<PeerInRoom, 'rules' | 'join' | 'state'>;

/** The handshake of servers. */
const shakeHands = async (
  peer: ScriptedPeer,
  homeserver: { readonly serverName: string },
  roomId: string,
  userId: string,
): Promise<Joined> => {
  const versions = ['10', '11', '12'].map((version) => `ver=${version}`).join('&');
  const asked = `/_matrix/federation/v1/make_join/${enc(roomId)}/${enc(userId)}?${versions}`;
  const made = (await peer.ask(homeserver, 'GET', asked)).json as {
    readonly room_version: string;
    readonly event: JsonObject;
  };
  const rules = roomVersionRules(made.room_version);
  if (!rules) throw new Error(`make_join: ${JSON.stringify(made)}`);
  const join = sealEvent(peer, rules, { ...made.event, origin_server_ts: Date.now() });
  const path = `/_matrix/federation/v2/send_join/${enc(roomId)}/${enc(join.eventId)}`;
  const answer = await peer.ask(homeserver, 'PUT', path, join.pdu);
  if (answer.status !== 200) throw new Error(`send_join: ${answer.status} ${answer.bytes}`);
  const pdus = (answer.json as { readonly state: readonly Pdu[] }).state;
  const state = new Map(
    pdus.map((pdu) => [
      keyOf(pdu.type, textIn(pdu, 'state_key')),
      { pdu, eventId: eventIdOf(pdu, rules) },
    ]),
  );
  return { rules, join, state };
};

/** Joins a public room of the homeserver. Rejects when it is refused. */
export const joinAsPeer = async (
  peer: ScriptedPeer,
  homeserver: { readonly serverName: string },
  roomId: string,
  name: string,
): Promise<PeerInRoom> => {
  const userId = `@${name}:${peer.serverName}`;
  const { rules, join, state } = await shakeHands(peer, homeserver, roomId, userId);
  const cite = (type: string) => state.get(keyOf(type))?.eventId ?? [];
  const authEvents = [
    rules.roomIdIsCreateHash ? [] : cite('m.room.create'),
    cite('m.room.power_levels'),
    join.eventId,
  ].flat();

  const room: PeerInRoom = {
    userId,
    roomId,
    rules,
    state,
    join,
    tip: join,
    make: (fields) =>
      sealEvent(peer, rules, {
        room_id: roomId,
        type: 'm.room.message',
        sender: userId,
        content: { msgtype: 'm.text', body: 'said by the peer' },
        origin_server_ts: Date.now(),
        prev_events: [room.tip.eventId],
        auth_events: authEvents,
        depth: Math.min(Number(room.tip.pdu['depth']) + 1, Number.MAX_SAFE_INTEGER),
        ...fields,
      }),
    say: (body) => {
      room.tip = room.make({ content: { msgtype: 'm.text', body } });
      return room.tip;
    },
    send: (events, edus = []) => {
      transactions += 1;
      return peer.ask(
        homeserver,
        'PUT',
        `/_matrix/federation/v1/send/${Date.now()}.${transactions}`,
        {
          origin: peer.serverName,
          origin_server_ts: Date.now(),
          pdus: events.map(({ pdu }) => pdu),
          edus,
        },
      );
    },
  };
  return room;
};

/** What the homeserver said of one event of a transaction: undefined when nothing, its error, or the empty text for none. */
export const errorOf = (answer: ReceivedAnswer, { eventId }: MadeEvent): string | undefined => {
  const results: Json | undefined = (answer.json as JsonObject | undefined)?.['pdus'];
  const result = isObject(results) ? results[eventId] : undefined;
  if (!isObject(result)) return undefined;
  return typeof result['error'] === 'string' ? result['error'] : '';
};
