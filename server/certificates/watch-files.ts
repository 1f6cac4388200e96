import { limits } from '@candor/spec';
import type { Logger } from '../log.ts';
import { metrics } from '../metrics.ts';
import { readGiven, type Tls } from './load-certificate.ts';
import type { Pauses } from './pauses.ts';

export type FileWatchOptions = {
  readonly certFile: string;
  readonly keyFile: string;
  /** What was read at the start. */
  readonly tls: Tls;
  readonly show: (tls: Tls) => void;
  readonly log: Logger;
  readonly pauses: Pauses;
};

/**
 * Reads the files of the settings again and again, for other programs renew them. By content, not by the events of the
 * file system: these get lost on mounts and behind symbolic links.
 */
export const watchFiles = async (options: FileWatchOptions): Promise<void> => {
  const { certFile, keyFile, show, log, pauses } = options;
  let shown = options.tls;
  let complained: string | undefined;
  while (!pauses.signal.aborted) {
    await pauses.take(limits.certificateLookMs);
    if (pauses.signal.aborted) return;
    try {
      const tls = await readGiven(certFile, keyFile);
      complained = undefined;
      if (tls.cert === shown.cert && tls.key === shown.key) continue;
      show(tls);
      shown = tls;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      // Between the two files being replaced they do not match; that mends itself.
      if (reason === complained) continue;
      complained = reason;
      metrics.certificateRenewalsFailed.inc();
      log.warn({ reason }, 'the changed certificate cannot be used; the one before is shown on');
    }
  }
};
