import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { examineFreeSpace } from './examine-free-space.ts';

/** Only root may, and not in every container. */
const mayMount = (): boolean => {
  const disk = mkdtempSync(join(tmpdir(), 'candor-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', disk]);
  if (status === 0) execFileSync('umount', [disk]);
  rmdirSync(disk);
  return status === 0;
};
const skip = mayMount() ? false : 'the small disks that this looks at cannot be mounted here';

t.test(
  'doctor tells how much of the disk is free, also before the first start',
  { skip },
  async (t) => {
    for (const [size, expected] of [
      [
        '8m',
        [{ level: 'fault', text: /^data directory: only 8 MiB are free .* refused below 64 MiB$/ }],
      ],
      ['512m', [{ level: 'warning', text: /^data directory: less than 1 GiB is free/ }]],
      ['2g', []],
    ] as const) {
      const disk = await mkdtemp(join(tmpdir(), 'candor-disk-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]);
      t.teardown(async () => {
        execFileSync('umount', [disk]);
        await rmdir(disk);
      });
      for (const dataDir of [disk, join(disk, 'not', 'made', 'yet')]) {
        const found = await examineFreeSpace(dataDir);
        t.equal(found.length, expected.length, `${size} ${dataDir}`);
        t.match(found, expected);
      }
    }
  },
);
