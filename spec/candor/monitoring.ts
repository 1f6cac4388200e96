import Type from 'typebox';
import { operation } from '../operation.ts';

const status = Type.Object({
  status: Type.Enum(['ok', 'unavailable']),
  /** Names what is wrong, such as `database`; never more than an operator's monitor needs. */
  reason: Type.Optional(Type.String()),
});

export const candorHealth = operation({
  id: 'candorHealth',
  method: 'GET',
  path: '/health',
  summary: 'Answers 200 while the server can serve, 503 when it cannot.',
  auth: 'none',
  response: status,
});

export const candorReady = operation({
  id: 'candorReady',
  method: 'GET',
  path: '/ready',
  summary:
    'Answers 200 when traffic may be sent here, 503 while starting, draining and waiting for the first certificate.',
  auth: 'none',
  response: status,
});

export const candorMetrics = operation({
  id: 'candorMetrics',
  method: 'GET',
  path: '/metrics',
  summary:
    'Gives the figures of the server in the text format of Prometheus, to this machine and to who has the token of the settings.',
  auth: 'none',
  response: 'bytes',
});
