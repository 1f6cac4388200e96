import { registerHooks } from 'node:module';

// matrix-bot-sdk loads its native crypto, a binary that its package downloads, even for a bot without encryption as here.
registerHooks({
  resolve: (name, context, next) =>
    name === '@matrix-org/matrix-sdk-crypto-nodejs'
      ? { url: import.meta.resolve('./native-crypto.json'), format: 'json', shortCircuit: true }
      : next(name, context),
});
