import { limits } from '@candor/spec';

/** Which transactions that nobody knows here are answered: each once, and never many. */
export const strayAnswers = () => {
  const answered = new Map<string, number>();
  return (key: string, now: number): boolean => {
    for (const [known, at] of answered) {
      if (now - at > limits.verificationMsMax) answered.delete(known);
    }
    if (answered.has(key) || answered.size >= limits.verificationStraysAnsweredMax) return false;
    answered.set(key, now);
    return true;
  };
};
