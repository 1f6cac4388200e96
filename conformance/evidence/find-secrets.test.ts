import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { findSecrets } from './find-secrets.ts';

const encodings = ['latin1', 'hex', 'base64', 'base64url'] as const;

t.test('a secret is found wherever it stands and however it is written', async (t) => {
  const bytes = fc.uint8Array({ minLength: 12, maxLength: 64 });
  const around = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(
      bytes,
      around,
      around,
      fc.constantFrom(...encodings),
      (secret, before, after, as) => {
        const written = Buffer.concat([before, secret, after]).toString(as);
        const material = { name: 'm', bytes: Buffer.from(written, 'latin1') };
        return findSecrets([material], [{ name: 's', bytes: secret }]).length > 0;
      },
    ),
  );
  t.pass();
});

t.test('what is not there is not found', async (t) => {
  const secrets = Array.from({ length: 200 }, (_, i) => ({ name: `${i}`, bytes: randomBytes(32) }));
  const material = { name: 'noise', bytes: randomBytes(4_000_000) };
  t.strictSame(findSecrets([material], secrets), []);
  const [first] = secrets;
  const bytes = Buffer.concat([material.bytes, first?.bytes ?? Buffer.alloc(0)]);
  t.strictSame(findSecrets([{ name: 'noise', bytes }], secrets), [
    '0 is in noise (raw, at byte 4000000)',
  ]);
});

t.test('a secret that chance would find is refused', async (t) => {
  t.throws(() => findSecrets([], [{ name: 's', bytes: Buffer.from('short') }]), /too short/);
});
