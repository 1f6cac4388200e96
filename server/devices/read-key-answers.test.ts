import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import fc from 'fast-check';
import t from 'tap';
import { makeCrossSigningKey, makeDeviceKeys, newSigningKey } from '../testing/make-keys.ts';
import { readDevicesAnswer, readQueryAnswer } from './read-key-answers.ts';

const userId = '@bob:there';
const device = { userId, deviceId: 'PHONE' };
const keys = makeDeviceKeys(device, newSigningKey('PHONE'));
const master = newSigningKey();
const master_key = makeCrossSigningKey(userId, 'master', master);

t.test('takes what is well formed from a query answer, whatever stands beside it', async (t) => {
  const foreign = { ...keys, signatures: { '@eve:evil': { 'ed25519:x': 'y' } } };
  const read = readQueryAnswer(
    {
      device_keys: {
        [userId]: {
          PHONE: { ...keys, unsigned: { device_display_name: 'Phone', more: 1 } },
          NAMELESS: {
            ...makeDeviceKeys({ userId, deviceId: 'NAMELESS' }, newSigningKey('NAMELESS')),
            unsigned: { device_display_name: 'x'.repeat(limits.deviceDisplayNameLengthMax + 1) },
          },
          OTHER: keys,
          FOREIGN: { ...foreign, device_id: 'FOREIGN' },
          FLOAT: { ...keys, device_id: 'FLOAT', more: 1.5 },
          LARGE: { ...keys, device_id: 'LARGE', more: 'x'.repeat(limits.deviceKeysBytesMax) },
          NULL: null,
          LIST: [],
        },
      },
      master_keys: { [userId]: { ...master_key, usage: ['self_signing'] } },
      self_signing_keys: { [userId]: { ...master_key, usage: ['self_signing'], keys: { a: 'b' } } },
    },
    userId,
  );
  t.strictSame([...read.devices.keys()], ['PHONE', 'NAMELESS', 'FOREIGN']);
  t.strictSame(read.devices.get('PHONE'), { keys, displayName: 'Phone' });
  t.equal(read.devices.get('NAMELESS')?.displayName, undefined);
  t.strictSame(read.devices.get('FOREIGN')?.keys.signatures, {}, 'nobody vouches for those');
  t.equal(read.crossSigning.size, 0);
});

t.test('takes a list of devices about the right user only', async (t) => {
  const answer: JsonObject = {
    user_id: userId,
    stream_id: 7,
    devices: [{ device_id: 'PHONE', keys, device_display_name: 'Phone' }, { device_id: 5 }, null],
    master_key,
    self_signing_key: master_key,
  };
  const read = readDevicesAnswer(answer, userId);
  t.equal(read?.streamId, 7);
  t.strictSame([...(read?.keys.devices ?? [])], [['PHONE', { keys, displayName: 'Phone' }]]);
  t.strictSame([...(read?.keys.crossSigning.keys() ?? [])], ['master']);
  t.equal(readDevicesAnswer(answer, '@eve:there'), undefined);
  t.equal(readDevicesAnswer({ ...answer, stream_id: '7' }, userId), undefined);
  t.equal(readDevicesAnswer({ ...answer, stream_id: 1.5 }, userId), undefined);
  t.equal(readDevicesAnswer({ ...answer, devices: {} }, userId)?.keys.devices.size, 0);
});

t.test('no answer makes it throw', async (t) => {
  const names = fc.constantFrom(
    userId,
    'PHONE',
    '__proto__',
    'device_keys',
    'master_keys',
    'self_signing_keys',
    'devices',
    'keys',
    'unsigned',
    'user_id',
    'stream_id',
  );
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, 1, 1.5, 'x', userId, 'PHONE', keys, master_key),
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(names, tie('json'), { maxKeys: 5 }),
    ),
  }));
  const answers = fc.dictionary(names, json) as fc.Arbitrary<JsonObject>;
  fc.assert(
    fc.property(answers, (answer) => {
      const read = readQueryAnswer(answer, userId);
      readDevicesAnswer({ ...answer, user_id: userId, stream_id: 1 }, userId);
      return [...read.devices].every(([id, { keys }]) => keys.device_id === id);
    }),
    { numRuns: 300 },
  );
  t.pass('300 answers read');
});
