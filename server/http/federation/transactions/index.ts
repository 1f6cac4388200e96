import { sendTransaction } from './sendTransaction.ts';

export const transactionHandlers = { sendTransaction };
