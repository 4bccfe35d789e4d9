// The known word that is most like a misspelt one.

export function nearest(word, known) {
  const scored = known.map((one) => [distance(word.toLowerCase(), one.toLowerCase()), one]);
  return scored.reduce((best, next) => (next[0] < best[0] ? next : best))[1];
}

/** How many letters have to be added, removed or replaced. */
function distance(from, to) {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}
