const editDistance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(
        Math.min(
          (row[j] ?? 0) + (letter === other ? 0 : 1),
          (row[j + 1] ?? 0) + 1,
          (next[j] ?? 0) + 1,
        ),
      );
    row = next;
  }
  return row[b.length] ?? 0;
};

/** The known name that a mistyped one most likely means. */
export const nearestName = (name: string, known: readonly string[]): string | undefined => {
  const distances = known.map((candidate) => editDistance(name.slice(0, 100), candidate));
  return known[distances.indexOf(Math.min(...distances))];
};
