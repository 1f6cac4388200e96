import { isObject } from '../json/is-object.ts';
import type { RedactionRules, RoomVersionRules } from '../room-versions/rules.ts';
import type { Json, JsonObject, Pdu } from './room-event.ts';

const pick = (object: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(
    keys.filter((key) => Object.hasOwn(object, key)).map((key) => [key, object[key] as Json]),
  );

const redactContent = (type: string, content: JsonObject, rules: RedactionRules): JsonObject => {
  const keys = Object.hasOwn(rules.content, type) ? rules.content[type] : undefined;
  if (keys === undefined) return {};
  if (keys === 'all') return content;
  const kept = pick(content, keys);
  const invite = content['third_party_invite'];
  if (type !== 'm.room.member' || !rules.keepsThirdPartySigned || !isObject(invite)) return kept;
  return { ...kept, third_party_invite: pick(invite, ['signed']) };
};

/** The event with everything taken out that the room does not need to go on; `unsigned` goes too. */
// https://spec.matrix.org/v1.19/client-server-api/#redactions
export const redact = (pdu: Pdu, { redaction }: RoomVersionRules): Pdu => {
  const kept = Object.entries(pdu).filter(([key]) => redaction.keys.has(key));
  return {
    ...Object.fromEntries(kept),
    type: pdu.type,
    sender: pdu.sender,
    content: redactContent(pdu.type, pdu.content, redaction),
  };
};
