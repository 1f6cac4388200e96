import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

const registry = new Registry();
collectDefaultMetrics({ register: registry });

/** What `/metrics` shows of this process; each part of the server may add figures of its own to the registry. */
export const metrics = {
  registry,
  requestSeconds: new Histogram({
    name: 'candor_http_request_seconds',
    help: 'Time from the headers of a request to its answer.',
    labelNames: ['operation', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  }),
  toDeviceRefused: new Counter({
    name: 'candor_to_device_refused_total',
    help: 'To-device messages that were dropped because too many wait for their device.',
    registers: [registry],
  }),
  plaintextRefused: new Counter({
    name: 'candor_federation_plaintext_total',
    help: 'Unencrypted messages that other servers offered for encrypted rooms; they were soft-failed.',
    registers: [registry],
  }),
} as const;
