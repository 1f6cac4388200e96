import type { Deployment } from './deployment.ts';
import type { Account } from './register-account.ts';

/** What a check looks at. */
export type Subject = {
  /** Base URL of the client-server API. */
  readonly url: string;
  /** The authority of its certificate when it is none that the system knows. */
  readonly ca: string | undefined;
  /** A new account; a random ending goes behind the name, so that a suite can run twice. */
  register(name: string): Promise<Account>;
  /** The pair that the suite started itself; undefined when somebody else's homeserver is looked at. */
  readonly own: Deployment | undefined;
};

/** Where a check does its steps. A step fails by throwing; what it returns is printed as its evidence. */
export type Stage = {
  readonly subject: Subject;
  /** A step that needs nothing but the network. */
  step(title: string, run: () => Promise<string>): Promise<void>;
  /** A step that cannot be done here. */
  skip(title: string, why: string): void;
  /** A step that looks at disks, logs or captured traffic, or needs a second server; on others' homeservers it is skipped, saying `why`. */
  ownStep(title: string, why: string, run: (own: Deployment) => Promise<string>): Promise<void>;
};

/** A program that fails when a promise or a part of the protocol does not hold. */
export type Check = {
  /** A disclosure's id, or an operation's; also the name of its file. */
  readonly id: string;
  run(stage: Stage): Promise<void>;
};

export const check = (one: Check): Check => one;

/** Fails the step when a matcher found a fault. */
export const demand = (fault: string | undefined): void => {
  if (fault !== undefined) throw new Error(fault);
};
