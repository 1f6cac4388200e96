import { accounts } from './accounts.ts';
import { type Disclosure, disclosure } from './disclosure.ts';
import { exposed } from './exposed.ts';
import { identity } from './identity.ts';
import { messages } from './messages.ts';
import { network } from './network.ts';

const reporting = disclosure({
  id: 'reporting',
  kind: 'process',
  title: 'Report a weakness in private',
  wording:
    'Open a private security advisory in the repository where you found this file; please do not open a public issue. You get an answer within 48 hours. Tell us which version and what it takes to see the fault. For a fault of one deployment, its operator may name a contact at /.well-known/matrix/support.',
  parameters: { answerHoursMax: 48 },
  code: ['server/http/client/server/getWellknownSupport.ts'],
  since: '0.1.0',
});

/** Every promise and every limit of the security page. */
export const disclosures: readonly Disclosure[] = [
  ...messages,
  ...identity,
  ...accounts,
  ...network,
  ...exposed,
  reporting,
];
