import { readFile } from 'node:fs/promises';
import { OperatorError } from './operator-error.ts';

/** The certificate authorities (PEM) of a setting's file, undefined without one. Throws an OperatorError that names the setting. */
export const readCaFile = async (
  setting: string,
  file: string | undefined,
): Promise<string | undefined> => {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new OperatorError(`${setting}: ${file} cannot be read (${cause.code})`, { cause });
  });
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new OperatorError(`${setting}: ${file} holds no certificate`);
  return text;
};
