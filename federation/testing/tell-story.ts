import { eventFromPdu } from '../events/event-from-pdu.ts';
import {
  type JsonObject,
  type Pdu,
  type RoomEvent,
  type StateKey,
  stateKeyOf,
} from '../events/room-event.ts';
import { type RoomVersionRules, roomVersionRules } from '../room-versions/rules.ts';

/** One event: its label (the event id without `$`), sender, type, state key, content, and what it cites by label. */
export type StoryRow = readonly [
  label: string,
  sender: string,
  type: string,
  stateKey: string | undefined,
  content: JsonObject,
  cites?: readonly string[],
  more?: { readonly ts?: number; readonly prev?: readonly string[] },
];

export type Story = {
  readonly rules: RoomVersionRules;
  readonly events: ReadonlyMap<string, RoomEvent>;
  readonly event: (label: string) => RoomEvent;
  /** Event ids by state key; of two labels with one key the later counts. */
  readonly stateOf: (...labels: readonly string[]) => Map<StateKey, string>;
  /** The same with the events themselves, as the authorisation rules want them. */
  readonly authStateOf: (...labels: readonly string[]) => Map<StateKey, RoomEvent>;
};

export const people: Readonly<Record<'alice' | 'bob' | 'charlie', string>> = {
  alice: '@alice:a.example',
  bob: '@bob:b.example',
  charlie: '@charlie:c.example',
};

export const rulesOf = (version: string): RoomVersionRules => {
  const rules = roomVersionRules(version);
  if (rules === undefined) throw new Error(`no room version ${version}`);
  return rules;
};

/**
 * Makes unsigned events with readable ids, a millisecond apart, the create event first and labelled `create`.
 * A citation of `create` is left out where the room version has none, so that one story serves all versions.
 */
export const tellStory = (version: string, rows: readonly StoryRow[]): Story => {
  const rules = rulesOf(version);
  const roomId = rules.roomIdIsCreateHash ? '!create' : '!room:a.example';
  const events = new Map<string, RoomEvent>();
  rows.forEach(([label, sender, type, stateKey, content, cites = [], more = {}], index) => {
    const cited = cites.filter((cite) => !(rules.roomIdIsCreateHash && cite === 'create'));
    const pdu: Pdu = {
      type,
      sender,
      content,
      ...(stateKey !== undefined && { state_key: stateKey }),
      ...(!(rules.roomIdIsCreateHash && type === 'm.room.create') && { room_id: roomId }),
      origin_server_ts: more.ts ?? 1_000 + index,
      depth: index + 1,
      prev_events: (more.prev ?? (type === 'm.room.create' ? [] : ['before'])).map(
        (id) => `$${id}`,
      ),
      auth_events: cited.map((cite) => `$${cite}`),
    };
    events.set(`$${label}`, eventFromPdu(pdu, `$${label}`, roomId, rules));
  });
  const event = (label: string): RoomEvent => {
    const found = events.get(`$${label}`);
    if (found === undefined) throw new Error(`the story has no ${label}`);
    return found;
  };
  const authStateOf = (...labels: readonly string[]) =>
    new Map(
      labels.map((label) => {
        const told = event(label);
        return [stateKeyOf(told.type, told.stateKey ?? ''), told];
      }),
    );
  const stateOf = (...labels: readonly string[]) =>
    new Map([...authStateOf(...labels)].map(([key, told]) => [key, told.eventId]));
  return { rules, events, event, stateOf, authStateOf };
};
