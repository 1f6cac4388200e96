import fc from 'fast-check';

// Imported before a test file, so that its properties try what the seed says; without one they try something else each time.
fc.configureGlobal({ seed: Number(process.env['CANDOR_FAULT_SEED']) });
