type Schema = Readonly<Record<string, unknown>>;

/** Ids that exist, so that hostile requests get past the first look. */
export type RealIds = {
  readonly userIds: readonly string[];
  readonly roomIds: readonly string[];
  readonly eventIds: readonly string[];
  readonly aliases: readonly string[];
  readonly texts: readonly string[];
};

const nested = (depth: number): unknown => {
  let value: unknown = {};
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? { a: value } : [value];
  return value;
};

const textsOfEvil = [
  '',
  ' ',
  '*',
  '-1',
  '\0',
  'a\0b',
  '\u202e',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  'm.room.create',
  'm.room.member',
  '@',
  '@:',
  '!:',
  '$',
  '#:',
  'mxc://../x',
  '9007199254740993',
  `@${'x'.repeat(300)}:x.invalid`,
  `!${'y'.repeat(300)}`,
  'z'.repeat(70_000),
  '\u{1f600}'.repeat(80),
];

const valuesOfEvil: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  -(2 ** 53),
  2 ** 53,
  1e308,
  [],
  {},
  [[]],
  [null],
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}'),
  nested(50),
  nested(62),
  Array.from({ length: 2_000 }, (_, index) => index),
];

/** JSON text, at times not quite that. */
const spoil = (written: string, random: () => number): string | Buffer => {
  const way = random();
  if (way < 0.03) return written.slice(0, Math.floor(random() * written.length));
  if (way < 0.05) return `${written}x`;
  if (way < 0.07) return written.replace('{', '{"a":1,"a":2,');
  if (way < 0.09) return written.replace(/"[^"]*"/, '"\\ud800"');
  if (way < 0.1) return written.replace(/\d+/, '1e400');
  if (way < 0.11) return Buffer.concat([Buffer.from(written), Buffer.of(0xff)]);
  if (way < 0.12) return `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  return way < 0.13 ? '' : written;
};

/** Makes values of a JSON Schema and breaks some of them; `random` is in [0, 1). */
export const hostileValues = (random: () => number, real: () => RealIds) => {
  const pick = <T>(values: readonly T[]): T | undefined =>
    values[Math.floor(random() * values.length)];

  const text = (schema: Schema = {}): string => {
    const { userIds, roomIds, eventIds, aliases, texts } = real();
    if (random() < 0.15) return pick(textsOfEvil) ?? '';
    const pattern = String(schema['pattern'] ?? '');
    if (pattern.startsWith('^@')) return pick(userIds) ?? '';
    if (pattern.startsWith('^!')) return pick(roomIds) ?? '';
    if (pattern.startsWith('^\\$')) return pick(eventIds) ?? '';
    if (pattern.startsWith('^#')) return pick(aliases) ?? '';
    if (pattern.startsWith('^[!#]')) return pick([...roomIds, ...aliases]) ?? '';
    return pick([...userIds, ...roomIds, ...eventIds, ...aliases, ...texts]) ?? '';
  };

  const object = (schema: Schema, depth: number): unknown => {
    const made: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries((schema['properties'] ?? {}) as object)) {
      const isRequired = (schema['required'] as string[] | undefined)?.includes(name) ?? false;
      if (random() < (isRequired ? 0.97 : 0.5)) made[name] = value(inner as Schema, depth + 1);
    }
    const others = schema['additionalProperties'];
    if (typeof others === 'object' || schema['properties'] === undefined) {
      for (let count = Math.floor(random() * 3); count > 0; count -= 1) {
        const inner = typeof others === 'object' ? (others as Schema) : {};
        Object.defineProperty(made, text(), {
          value: value(inner, depth + 1),
          enumerable: true,
          configurable: true,
        });
      }
    }
    return made;
  };

  const value = (schema: Schema, depth = 0): unknown => {
    if (random() < (depth === 0 ? 0.03 : 0.08)) return pick(valuesOfEvil);
    if (depth > 8) return {};
    const choices = (schema['anyOf'] ?? schema['allOf']) as Schema[] | undefined;
    if (choices) return value(pick(choices) ?? {}, depth);
    if (schema['const'] !== undefined) return schema['const'];
    if (Array.isArray(schema['enum'])) return pick(schema['enum'] as unknown[]);
    switch (schema['type']) {
      case 'object':
        return object(schema, depth);
      case 'array':
        return Array.from({ length: Math.floor(random() * 3) }, () =>
          value((schema['items'] ?? {}) as Schema, depth + 1),
        );
      case 'string':
        return text(schema);
      case 'integer':
      case 'number':
        return pick([0, 1, 50, 1_000, 2 ** 53 - 1, -1]);
      case 'boolean':
        return random() < 0.5;
      default:
        return random() < 0.5 ? text() : object({}, depth + 1);
    }
  };

  return {
    text,
    value,
    json: (schema: Schema) => spoil(JSON.stringify(value(schema)) ?? 'null', random),
  };
};
