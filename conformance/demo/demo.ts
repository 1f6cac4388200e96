import type { Message, Room } from '@candor/client-sdk';
import { type Deployment, startDeployment } from '../deployment.ts';
import { findSecrets } from '../evidence/find-secrets.ts';
import { capturedMaterial, dumpDatabase, serverMaterial } from '../evidence/server-material.ts';
import type { Homeserver } from '../homeserver.ts';
import { signInTalker, type Talker } from '../talker.ts';
import { page } from './page.ts';

type Cast = { readonly alice: Talker; readonly bob: Talker; readonly carol: Talker };

const seconds = (sinceMs: number): string =>
  `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

const startServers = async (): Promise<Deployment> => {
  page.title('Candor: two homeservers, three people, nothing in the clear');
  page.section('Two homeservers');
  const startedMs = performance.now();
  const pair = await startDeployment({ capture: true });
  page.line(pair.servers[0].serverName, 'the homeserver of alice');
  page.line(pair.other.serverName, 'the homeserver of bob and carol');
  page.good(`they run and trust one certificate authority of their own (${seconds(startedMs)})`);
  return pair;
};

const signInAll = async ({ servers: [first], other, folder }: Deployment): Promise<Cast> => {
  const startedMs = performance.now();
  const signIn = async (server: Homeserver, name: string) =>
    signInTalker(await server.register(name), { name, folder });
  const [alice, bob, carol] = await Promise.all([
    signIn(first, 'alice'),
    signIn(other, 'bob'),
    signIn(other, 'carol'),
  ]);
  page.good(
    `alice, bob and carol are signed in, their keys on their devices (${seconds(startedMs)})`,
  );
  return { alice, bob, carol };
};

/** Says a text in a room and shows what everybody else there reads. */
const say = async (
  speaker: Talker,
  room: Room,
  text: string,
  listeners: readonly Talker[],
): Promise<Message> => {
  const sent = await room.send(text);
  page.line(`${speaker.name} says`, text);
  for (const listener of listeners) {
    const { sender, body } = await listener.reads(text);
    if (sender !== speaker.userId) throw new Error(`${listener.name} reads it as of ${sender}`);
    page.line(`  ${listener.name} reads`, body);
  }
  return sent;
};

const texts = {
  direct: ['Is the bridge at Oldham open again?', 'Since Tuesday. Bring the yellow map.'],
  file: 'the-yellow-map.svg',
  group: ['Saturday, ten o’clock, at the old bridge.', 'I will be there. Who brings the tea?'],
} as const;

const map = Buffer.from(
  `<svg xmlns="http://www.w3.org/2000/svg">${'<path d="M0 0 L9 9 L18 3"/>'.repeat(99)}</svg>`,
);

const talkDirectly = async ({ alice, bob }: Cast): Promise<Message> => {
  page.section('A direct conversation (PQXDH, Double Ratchet)');
  const room = await alice.client.directRoom(bob.userId);
  const bobsRoom = await bob.enters(room.id);
  const first = await say(alice, room, texts.direct[0], [bob]);
  await say(bob, bobsRoom, texts.direct[1], [alice]);
  await room.sendFile({ bytes: map, name: texts.file, type: 'image/svg+xml' });
  page.line('alice sends', `${texts.file}, ${map.length} bytes`);
  const received = await bobsRoom.download(await bob.reads(texts.file));
  if (!received.equals(map)) throw new Error('bob has other bytes than alice sent');
  page.line('  bob opens', `${texts.file}, the same bytes`);
  return first;
};

const talkInGroup = async ({ alice, bob, carol }: Cast): Promise<Message> => {
  page.section('A group of three (Sender Keys)');
  const room = await alice.client.createGroup({
    name: 'Saturday',
    invite: [bob.userId, carol.userId],
  });
  await bob.enters(room.id);
  const carolsRoom = await carol.enters(room.id);
  const first = await say(alice, room, texts.group[0], [bob, carol]);
  await say(carol, carolsRoom, texts.group[1], [alice, bob]);
  return first;
};

type Sealed = { readonly type: string; readonly content: Readonly<Record<string, unknown>> };

const textsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
};

/** Algorithm and ciphertext of an event, as it is stored and sent. */
const sealedText = ({ type, content }: Sealed): string => {
  if (type !== 'm.room.encrypted') throw new Error(`an event of type ${type} is in the clear`);
  const [longest = ''] = textsIn(content).sort((a, b) => b.length - a.length);
  return `${String(content['algorithm']).replace('dev.candor.', '')}  ${longest}`;
};

const storedEvent = async (server: Homeserver, { eventId }: Message): Promise<Sealed> => {
  const rows = (await dumpDatabase(server)).rows('events');
  const row = rows.find((one) => one['event_id'] === eventId);
  if (!row) throw new Error(`${server.serverName} does not have ${eventId}`);
  return JSON.parse(String(row['json'])) as Sealed;
};

const crossedEvent = ({ captured }: Deployment): Sealed => {
  const sealed = captured
    .filter(({ path }) => path.startsWith('/_matrix/federation/v1/send/'))
    .flatMap(({ body }) => (JSON.parse(body.toString()) as { pdus: readonly Sealed[] }).pdus)
    .find(({ type }) => type === 'm.room.encrypted');
  if (!sealed) throw new Error('no encrypted message crossed between the servers');
  return sealed;
};

const showServersSide = async (
  pair: Deployment,
  direct: Message,
  group: Message,
): Promise<void> => {
  page.section('What the servers have instead');
  for (const server of pair.servers) {
    page.faint(server.serverName, `direct  ${sealedText(await storedEvent(server, direct))}`);
    page.faint('', `group   ${sealedText(await storedEvent(server, group))}`);
  }
  page.faint('between them', `direct  ${sealedText(crossedEvent(pair))}`);
};

const searchForTexts = async (pair: Deployment): Promise<void> => {
  const materials = [
    ...(await Promise.all(pair.servers.map(serverMaterial))).flat(),
    ...capturedMaterial(pair.captured),
  ];
  const said = [...texts.direct, ...texts.group, texts.file];
  const secrets = [
    ...said.map((text) => ({ name: `'${text}'`, bytes: Buffer.from(text) })),
    { name: texts.file, bytes: map.subarray(0, 64) },
  ];
  const found = findSecrets(materials, secrets);
  if (found.length > 0) throw new Error(`plaintext was found:\n${found.join('\n')}`);
  const megabytes = materials.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6;
  page.good(
    `no sentence and no part of the file is in ${megabytes.toFixed(0)} MB of databases, media, logs`,
  );
  page.good(`nor in the ${pair.captured.length} requests that crossed between the servers`);
};

const inBlocks = (digits: string): string => digits.replaceAll(/(\d{5})(?=\d)/g, '$1 ');

const compareSafetyNumbers = ({ alice, bob, carol }: Cast): void => {
  page.section('Safety numbers, to compare by voice or by QR code');
  for (const [one, two] of [
    [alice, bob],
    [alice, carol],
  ] as const) {
    const [here, there] = [
      one.client.safetyNumber(two.userId),
      two.client.safetyNumber(one.userId),
    ];
    if (!here || here.digits !== there?.digits)
      throw new Error(`${one.name} and ${two.name} see different safety numbers`);
    page.line(`${one.name} of ${two.name}`, inBlocks(here.digits.slice(0, 30)));
    page.line('', inBlocks(here.digits.slice(30)));
    page.line(`${two.name} of ${one.name}`, inBlocks(there.digits.slice(0, 30)));
    page.line('', inBlocks(there.digits.slice(30)));
  }
  page.good('the same on both sides, across the servers');
};

const startedMs = performance.now();
let pair: Deployment | undefined;
let cast: Cast | undefined;
try {
  pair = await startServers();
  cast = await signInAll(pair);
  const direct = await talkDirectly(cast);
  const group = await talkInGroup(cast);
  await showServersSide(pair, direct, group);
  await searchForTexts(pair);
  compareSafetyNumbers(cast);
  page.end(`Done in ${seconds(startedMs)}; the servers and their data are gone again.`);
} catch (error) {
  process.stderr.write(`\n  The demo failed: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  for (const talker of Object.values(cast ?? {})) await talker.stop();
  await pair?.stop();
}
