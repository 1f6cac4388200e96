import { splitServerName } from '../discovery/split-server-name.ts';

/** Both lists hold server names, plain or with `*` and `?`; a name without a port stands for every port. */
export type ServerGateOptions = {
  /** Only these; everyone when left out. */
  readonly allow?: readonly string[];
  /** Never these, whatever `allow` says. */
  readonly deny?: readonly string[];
};

/** Goes back to the last star only, so a hostile name costs its length times the glob's at most. */
const matchesGlob = (glob: string, text: string): boolean => {
  let [g, t, star, resume] = [0, 0, -1, 0];
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g;
      resume = t;
      g += 1;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g += 1;
      t += 1;
    } else if (star >= 0) {
      resume += 1;
      g = star + 1;
      t = resume;
    } else return false;
  }
  while (glob[g] === '*') g += 1;
  return g === glob.length;
};

/** Whether we deal with a server at all, by the operator's lists; compares without case. */
export const createServerGate = (options: ServerGateOptions) => {
  const prepare = (globs: readonly string[]) => globs.map((glob) => glob.toLowerCase());
  const allow = options.allow === undefined ? undefined : prepare(options.allow);
  const deny = prepare(options.deny ?? []);
  return (serverName: string): boolean => {
    const name = serverName.toLowerCase();
    const split = splitServerName(name);
    if (split === undefined) return false;
    const listed = (globs: readonly string[]) =>
      globs.some((glob) => matchesGlob(glob, name) || matchesGlob(glob, split.host));
    return !listed(deny) && (allow === undefined || listed(allow));
  };
};
