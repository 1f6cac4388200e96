/** Numbers in [0, 1) that follow from a seed alone, so that a failure can be played again. */
export const dice = (seed: number): (() => number) => {
  let state = seed >>> 0;
  // A linear congruential generator; its upper bits are even enough for moments and choices.
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};
