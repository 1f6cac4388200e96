import t from 'tap';
import { splitServerName } from './split-server-name.ts';

// https://spec.matrix.org/v1.19/appendices/#server-name
t.test("the specification's examples", async (t) => {
  const examples = {
    'matrix.org': { host: 'matrix.org', kind: 'dns' },
    'matrix.org:8888': { host: 'matrix.org', port: 8888, kind: 'dns' },
    '1.2.3.4': { host: '1.2.3.4', kind: 'ipv4' },
    '1.2.3.4:1234': { host: '1.2.3.4', port: 1234, kind: 'ipv4' },
    '[1234:5678::abcd]': { host: '1234:5678::abcd', kind: 'ipv6' },
    '[1234:5678::abcd]:5678': { host: '1234:5678::abcd', port: 5678, kind: 'ipv6' },
    '1.2.3.4.example': { host: '1.2.3.4.example', kind: 'dns' },
  };
  for (const [name, parts] of Object.entries(examples)) t.strictSame(splitServerName(name), parts);
});

t.test('what is no server name', async (t) => {
  for (const name of [
    '',
    ':80',
    'a:0',
    'a:65536',
    'a:',
    'a:b',
    '1.2.3.256',
    'a b',
    '[::1',
    '::1',
    'a/b',
    'a@b',
    '.',
    '..',
    '..:80',
  ]) {
    t.equal(splitServerName(name), undefined, name);
  }
});
