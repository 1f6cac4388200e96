import { randomBytes } from 'node:crypto';
import { withPeople } from '../../cast.ts';
import { check } from '../../check.ts';
import { findSecrets } from '../../evidence/find-secrets.ts';
import { capturedMaterial, serverMaterial } from '../../evidence/server-material.ts';

const fileBytes = 300_000;
const runBytes = 16;
const runs = 500;

export const attachments = check({
  id: 'attachments',
  run: ({ subject, step, ownStep }) =>
    withPeople(subject, ['alice', 'bob'], async ([alice, bob]) => {
      const bytes = randomBytes(fileBytes);
      const name = `plans-${randomBytes(12).toString('hex')}.pdf`;
      const room = await alice.client.directRoom(bob.userId);
      const bobs = await bob.enters(room.id);

      await step('a file arrives whole, with its name and type', async () => {
        await room.sendFile({ bytes, name, type: 'application/pdf' });
        const message = await bob.reads(name);
        const received = await bobs.download(message);
        if (!received.equals(bytes)) throw new Error('the bytes are others');
        const info = message.content?.['info'];
        if (
          JSON.stringify(info) !== JSON.stringify({ mimetype: 'application/pdf', size: fileBytes })
        )
          throw new Error(`it says of itself ${JSON.stringify(info)}`);
        return `${name}, ${fileBytes} bytes`;
      });

      await ownStep(
        'no run of its bytes, and not its name, is on a server or on the wire',
        'it reads disks and traffic',
        async (own) => {
          const materials = [
            ...(await Promise.all(own.servers.map(serverMaterial))).flat(),
            ...capturedMaterial(own.captured),
          ];
          const secrets = Array.from({ length: runs }, (_, i) => {
            const at = Math.floor((i * (fileBytes - runBytes)) / runs);
            return { name: `the run at ${at}`, bytes: bytes.subarray(at, at + runBytes) };
          });
          const [found] = findSecrets(materials, [
            ...secrets,
            { name: 'its name', bytes: Buffer.from(name) },
          ]);
          if (found !== undefined) throw new Error(found);
          const media = materials.filter(
            (one) => / media\//.test(one.name) && one.bytes.length >= fileBytes,
          );
          if (media.length === 0)
            throw new Error('no media folder holds the upload: nothing was searched');
          return `${runs} runs of ${runBytes} bytes looked for; ${media.length} uploads of that size are there`;
        },
      );
    }),
});
