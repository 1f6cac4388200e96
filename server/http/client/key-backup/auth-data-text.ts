import { limits, MatrixError } from '@candor/spec';

/** The public data of a backup as it is stored. Throws M_TOO_LARGE. */
export const authDataText = (authData: Readonly<Record<string, unknown>>): string => {
  const text = JSON.stringify(authData);
  if (Buffer.byteLength(text) > limits.keyBackupAuthDataBytesMax) {
    throw new MatrixError(
      'M_TOO_LARGE',
      `auth_data is larger than ${limits.keyBackupAuthDataBytesMax} bytes`,
    );
  }
  return text;
};
