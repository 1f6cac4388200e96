import { connect as connectTcp, isIP } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { freePort } from '@candor/federation/testing';
import { check, demand } from '../../check.ts';
import type { Deployment } from '../../deployment.ts';
import { createHomeserver } from '../../homeserver.ts';
import { match } from '../../match.ts';
import { sendRequest } from '../../send-request.ts';

const yearSeconds = 31_536_000;

type Place = { readonly host: string; readonly port: number; readonly ca: string | undefined };

/** Protocol and suite of a handshake, or the code of the error that ended it. */
const handshake = (place: Place, options: ConnectionOptions): Promise<string> =>
  new Promise((resolve) => {
    const socket = connectTls({
      ...place,
      servername: isIP(place.host) ? '' : place.host,
      ...options,
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.once('secureConnect', () => {
      resolve(`${socket.getProtocol()} ${socket.getCipher().standardName}`);
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(`refused: ${error.code ?? error}`),
    );
  });

// Security level 0 lets this client offer what nobody should take.
const lax = (ciphers: string): ConnectionOptions => ({
  ciphers: `${ciphers}@SECLEVEL=0`,
  minVersion: 'TLSv1',
});

const taken: Readonly<Record<string, ConnectionOptions>> = {
  'TLS 1.3': { minVersion: 'TLSv1.3' },
  'TLS 1.2 with ECDHE and AES-GCM': {
    maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256',
  },
};

const refused: Readonly<Record<string, ConnectionOptions>> = {
  'TLS 1.0': { ...lax('ALL'), maxVersion: 'TLSv1' },
  'TLS 1.1': { ...lax('ALL'), maxVersion: 'TLSv1.1' },
  'TLS 1.2 without forward secrecy': {
    ...lax('AES128-GCM-SHA256:AES256-GCM-SHA384'),
    maxVersion: 'TLSv1.2',
  },
  'TLS 1.2 with CBC': {
    ...lax(
      'ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA',
    ),
    maxVersion: 'TLSv1.2',
  },
  'TLS 1.2 without encryption': { ...lax('NULL'), maxVersion: 'TLSv1.2' },
};

/** What comes back when HTTP without TLS is spoken to a port. */
const plainAnswer = ({ host, port }: Place): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connectTcp({ host, port }, () => {
      socket.write(
        `GET /_matrix/client/versions HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
    });
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
  });

const goodOnesAreTaken = async (place: Place): Promise<string> => {
  const lines: string[] = [];
  for (const [name, options] of Object.entries(taken)) {
    const outcome = await handshake(place, options);
    if (outcome.startsWith('refused')) throw new Error(`${name} is ${outcome}`);
    lines.push(`${name}: ${outcome}`);
  }
  return lines.join('\n');
};

const weakOnesAreRefused = async (place: Place): Promise<string> => {
  const lines: string[] = [];
  for (const [name, options] of Object.entries(refused)) {
    const outcome = await handshake(place, options);
    // A protocol alert of the other side; an error of this client alone would prove nothing.
    demand(match(outcome, /^refused: (ERR_SSL_.*ALERT|ECONNRESET|EPROTO)/, name));
    lines.push(`${name}: ${outcome}`);
  }
  return lines.join('\n');
};

const everyAnswerHasHsts = async (url: string, ca: string | undefined): Promise<string> => {
  const lines: string[] = [];
  for (const path of ['/_matrix/client/versions', '/_matrix/client/v3/nothing', '/']) {
    const { headers } = await sendRequest(url + path, ca === undefined ? {} : { ca });
    const header = headers['strict-transport-security'] ?? '';
    const maxAge = Number(/max-age=(\d+)/.exec(header)?.[1] ?? 0);
    if (maxAge < yearSeconds) throw new Error(`${path}: '${header}'`);
    lines.push(`${path}: ${header}`);
  }
  return lines.join('\n');
};

const plainIsNotAnswered = async (place: Place): Promise<string> => {
  const answer = await plainAnswer(place);
  const isSilent = (text: string) => !text.includes('versions') && !/^HTTP\/1\.1 2/.test(text);
  demand(match(answer, isSilent, 'the answer'));
  return answer.split('\r\n', 1)[0] || 'the connection was closed';
};

/** The same of the listener for clients, on a server that lets everyone come to it. */
const outsideListenerIsSecure = async (deployment: Deployment): Promise<string> => {
  const { servers, folder, authority } = deployment;
  const ca = authority.cert;
  const homeserver = createHomeserver({
    logFile: `${folder}/outside.log`,
    ca,
    env: {
      ...servers[0].env,
      CANDOR_DATA_DIR: `${folder}/outside`,
      CANDOR_CLIENT_LISTEN: `0.0.0.0:${await freePort()}`,
      CANDOR_FEDERATION_LISTEN: `127.0.0.1:${await freePort()}`,
    },
  });
  await homeserver.start();
  try {
    const { origin, hostname: host, port } = new URL(homeserver.url);
    const place = { host, port: Number(port), ca };
    const looks = [
      goodOnesAreTaken(place),
      weakOnesAreRefused(place),
      everyAnswerHasHsts(origin, ca),
      plainIsNotAnswered(place),
    ];
    return (await Promise.all(looks)).join('\n');
  } finally {
    await homeserver.stop();
  }
};

const isLoopback = (host: string): boolean => /^(localhost|127\.[\d.]+|\[::1\])$/.test(host);

export const transport = check({
  id: 'transport',
  run: async ({ subject, step, skip, ownStep }) => {
    const { own, ca } = subject;
    const url = new URL(own ? own.servers[0].secureUrl : subject.url);
    const place = { host: url.hostname, port: Number(url.port || 443), ca };
    const byTls: Readonly<Record<string, () => Promise<string>>> = {
      'TLS 1.3, and 1.2 with forward secrecy and AEAD, are taken': () => goodOnesAreTaken(place),
      'older versions and weaker suites are refused': () => weakOnesAreRefused(place),
      'every answer tells clients to use TLS for a year or more': () =>
        everyAnswerHasHsts(url.origin, ca),
      'HTTP without TLS gets no answer of Matrix there': () => plainIsNotAnswered(place),
    };
    for (const [title, look] of Object.entries(byTls)) {
      if (url.protocol === 'https:') await step(title, look);
      else if (isLoopback(url.hostname))
        skip(title, 'plain HTTP on loopback is allowed: name its https URL');
      else await step(title, () => Promise.reject(new Error(`${url.origin} is not served by TLS`)));
    }
    await ownStep(
      'off loopback clients get TLS only, unless a proxy is declared',
      'it starts servers with other settings',
      outsideListenerIsSecure,
    );
  },
});
