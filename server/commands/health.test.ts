import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { freePort } from '@candor/federation/testing';
import t from 'tap';
import { startTestServer } from '../testing/start-server.ts';
import { health } from './health.ts';

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1');
if (!hasIpv6) t.comment('[::] is not tried: this machine has no IPv6');

t.test('health asks where clients ask, also by HTTPS and on all addresses', async (t) => {
  for (const host of ['127.0.0.1', '0.0.0.0', ...(hasIpv6 ? ['[::]'] : [])]) {
    const env = { CANDOR_CLIENT_LISTEN: `${host}:${await freePort()}` };
    const server = await startTestServer(t, { env });
    const { config } = server.context;
    t.equal(config.client.isTls, host !== '127.0.0.1');
    t.equal(await health(config), 0, host);
    await server.stop();
    t.equal(await health(config), 1, 'nobody is there any more');
  }
});

t.test('who takes the connection and says nothing is not healthy', async (t) => {
  const { context } = await startTestServer(t);
  const port = await freePort();
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  const client = { ...context.config.client, listen: { host: '127.0.0.1', port } };
  t.equal(await health({ ...context.config, client }), 1);
});
