import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

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
  certificateExpiry: new Gauge({
    name: 'candor_certificate_expiry_timestamp_seconds',
    help: 'When the certificate that listeners show runs out, in seconds since 1970.',
    registers: [registry],
  }),
  certificateRenewalsFailed: new Counter({
    name: 'candor_certificate_renewals_failed_total',
    help: 'Attempts to get a certificate, by ACME or from changed files, that failed.',
    registers: [registry],
  }),
} as const;
