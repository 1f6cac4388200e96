import { postReceipt } from './postReceipt.ts';
import { setReadMarker } from './setReadMarker.ts';

export const receiptHandlers = { postReceipt, setReadMarker };
