import { clientServer, limits } from '@candor/spec';
import t from 'tap';
import { homeserverUrl } from '../account/homeserver-url.ts';
import { type Answer, startHomeserver } from '../testing/start-homeserver.ts';
import { authenticate } from './authenticate.ts';
import { HomeserverApi, type Tokens } from './homeserver-api.ts';

/** What a call is rejected with. */
const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

const whoami = { user_id: '@alice:a.example' };
const expired = (softLogout: boolean): Answer => ({
  status: 401,
  body: { errcode: 'M_UNKNOWN_TOKEN', error: 'expired', soft_logout: softLogout },
});

t.test(
  'an expired token is renewed once for all calls that meet it, and stored first',
  async (t) => {
    const { baseUrl, asked } = await startHomeserver(t, ({ url, token, body }) => {
      if (url.endsWith('/refresh')) {
        t.same(body, { refresh_token: 'r1' });
        t.equal(token, undefined);
        return { body: { access_token: 'a2', refresh_token: 'r2' } };
      }
      return token === 'Bearer a2' ? { body: whoami } : expired(true);
    });
    const stored: Tokens[] = [];
    const tokens = { accessToken: 'a1', refreshToken: 'r1' };
    const api = new HomeserverApi({ baseUrl, tokens, onTokens: (next) => stored.push(next) });
    const calls = [1, 2, 3].map(() => api.call(clientServer.getTokenOwner, {}));
    t.same(await Promise.all(calls), [whoami, whoami, whoami]);
    t.same(stored, [{ accessToken: 'a2', refreshToken: 'r2' }]);
    t.equal(asked.filter(({ url }) => url.endsWith('/refresh')).length, 1);
  },
);

t.test('a token that is gone for good is not renewed', async (t) => {
  const { baseUrl, asked } = await startHomeserver(t, () => expired(false));
  const api = new HomeserverApi({ baseUrl, tokens: { accessToken: 'a', refreshToken: 'r' } });
  const refused = { status: 401, errcode: 'M_UNKNOWN_TOKEN', isPassing: false };
  t.match(await errorOf(api.call(clientServer.getTokenOwner, {})), refused);
  t.match(asked, [{ url: '/_matrix/client/v3/account/whoami' }]);
  t.equal(asked.length, 1);
});

t.test(
  'a refresh token that is refused for good ends the session, one that is not does not',
  async (t) => {
    let refusal: Answer = { status: 403, body: { errcode: 'M_FORBIDDEN', error: 'used before' } };
    const { baseUrl } = await startHomeserver(t, ({ url }) =>
      url.endsWith('/refresh') ? refusal : expired(true),
    );
    const api = new HomeserverApi({ baseUrl, tokens: { accessToken: 'a', refreshToken: 'r' } });
    const ask = () => errorOf(api.call(clientServer.getTokenOwner, {}));
    t.match(await ask(), { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
    refusal = { status: 502, text: '<html>502</html>' };
    t.match(await ask(), { status: 502, isPassing: true });
  },
);

t.test('what is refused tells whether and when to try again', async (t) => {
  let answer: Answer = { body: {} };
  const { baseUrl } = await startHomeserver(t, () => answer);
  const api = new HomeserverApi({ baseUrl });
  const ask = () => api.call(clientServer.getVersions, {});
  answer = { status: 429, body: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1_234 } };
  t.match(await errorOf(ask()), { status: 429, isPassing: true, retryAfterMs: 1_234 });
  // What stands between may answer in the homeserver's place, or cut its answer off.
  for (const text of ['<html>502</html>', '{"user_id": "@al', '']) {
    answer = { status: 200, text };
    t.match(await errorOf(ask()), { status: 200, isPassing: true }, text);
  }
  answer = { status: 404, text: '<html>404</html>' };
  t.match(await errorOf(ask()), { status: 404, isPassing: false });
  answer = { status: 503, body: 'down' };
  t.match(await errorOf(ask()), { status: 503, isPassing: true, retryAfterMs: 0 });
  answer = { status: 403, body: { errcode: 'M_FORBIDDEN', retry_after_ms: -1 } };
  t.match(await errorOf(ask()), { isPassing: false, retryAfterMs: 0 });
  const limited = (retryAfter: string, retry_after_ms?: number): Answer => ({
    ...{ status: 429, headers: { 'retry-after': retryAfter } },
    body: { errcode: 'M_LIMIT_EXCEEDED', ...(retry_after_ms !== undefined && { retry_after_ms }) },
  });
  answer = limited('3', 1_234);
  t.match(await errorOf(ask()), { retryAfterMs: 3_000 }, 'the header is the newer way');
  answer = limited(new Date(Date.now() + 60_000).toUTCString());
  const { retryAfterMs } = (await errorOf(ask())) as { retryAfterMs: number };
  t.ok(retryAfterMs > 50_000 && retryAfterMs <= 60_000, 'or a date');
  answer = limited('soon', 1_234);
  t.match(await errorOf(ask()), { retryAfterMs: 1_234 });
  answer = limited('-5');
  t.match(await errorOf(ask()), { retryAfterMs: 0 });
  // Longer than what a timer can hold would be no wait at all.
  for (const endless of [limited('99999999999'), limited('x', 1e15)]) {
    answer = endless;
    t.match(await errorOf(ask()), { retryAfterMs: limits.clientRetryAfterMsMax });
  }
  const nobody = new HomeserverApi({ baseUrl: 'http://127.0.0.1:1' });
  t.match(await errorOf(nobody.call(clientServer.getVersions, {})), {
    status: undefined,
    isPassing: true,
  });
});

t.test('closing breaks off what is under way', async (t) => {
  const asked = Promise.withResolvers<void>();
  const { baseUrl } = await startHomeserver(t, () => {
    asked.resolve();
    return new Promise<Answer>(() => undefined);
  });
  const api = new HomeserverApi({ baseUrl });
  const refused = errorOf(api.call(clientServer.getVersions, {}));
  await asked.promise;
  api.close();
  t.match(await refused, { isPassing: true });
});

t.test('stages that can be proven are gone through, others are left to the caller', async (t) => {
  const auths: unknown[] = [];
  let completed: string[] = [];
  let flows = [['m.login.email.identity'], ['m.login.registration_token', 'm.login.dummy']];
  const { baseUrl } = await startHomeserver(t, ({ body }) => {
    const { auth } = body as { auth?: { type: string } };
    auths.push(auth);
    completed = auth ? [...completed, auth.type] : [];
    if (completed.length === 2) return { body: { user_id: '@new:a.example' } };
    const stages = flows.map((one) => ({ stages: one }));
    return { status: 401, body: { session: 's', completed, flows: stages } };
  });
  const api = new HomeserverApi({ baseUrl });
  const register = (registrationToken?: string) =>
    authenticate(
      (auth) => api.call(clientServer.register, { body: auth === undefined ? {} : { auth } }),
      { registrationToken },
    );
  t.match(await register('token'), { user_id: '@new:a.example' });
  t.match(auths, [
    undefined,
    { type: 'm.login.registration_token', token: 'token', session: 's' },
    { type: 'm.login.dummy', session: 's' },
  ]);
  t.match(await errorOf(register()), { status: 401, body: { session: 's' } });
  flows = [];
  t.match(await errorOf(register('token')), { status: 401 });
});

t.test('a wrong password is not tried again', async (t) => {
  let attempts = 0;
  const challenge = { session: 's', flows: [{ stages: ['m.login.password'] }] };
  const { baseUrl } = await startHomeserver(t, ({ body }) => {
    const isTry = (body as { auth?: unknown }).auth !== undefined;
    attempts += isTry ? 1 : 0;
    return { status: 401, body: isTry ? { ...challenge, errcode: 'M_FORBIDDEN' } : challenge };
  });
  const api = new HomeserverApi({ baseUrl, tokens: { accessToken: 'a', refreshToken: null } });
  const upload = authenticate(
    (auth) =>
      api.call(clientServer.uploadCrossSigningKeys, { body: auth === undefined ? {} : { auth } }),
    { userId: '@alice:a.example', password: 'wrong' },
  );
  t.match(await errorOf(upload), { errcode: 'M_FORBIDDEN' });
  t.equal(attempts, 1);
});

t.test('a homeserver is reached by HTTPS, or on loopback', async (t) => {
  t.equal(await homeserverUrl('https://matrix.example/'), 'https://matrix.example');
  t.equal(await homeserverUrl('https://matrix.example/base/'), 'https://matrix.example/base');
  t.equal(await homeserverUrl('http://localhost:8008'), 'http://localhost:8008');
  for (const url of ['http://matrix.example', 'http://127.0.0.1.example', 'ftp://localhost']) {
    await t.rejects(homeserverUrl(url), { code: 'insecure-homeserver' }, url);
  }
});
