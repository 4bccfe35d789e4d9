// Which interfaces of the contract a plugin exports: those that it has something for. A tick of a producer every
// minute, for a plugin that has none, would be a call every minute for nothing.

const NEEDED = {
  lifecycle: ({ initialize, configChanged, upgraded }) => initialize ?? configChanged ?? upgraded,
  actions: ({ actions }) => some(actions),
  webhooks: ({ webhook }) => webhook,
  producer: ({ producer }) => producer,
  processes: ({ processes }) => some(processes),
  schedules: ({ schedules }) => some(schedules),
  workers: ({ workers }) => some(workers),
  routes: ({ routes }) => some(routes),
};

/** The names, as in the contract; `plugin` is always there. */
export function interfacesOf(definition) {
  const needed = Object.entries(NEEDED).filter(([, find]) => find(definition) !== undefined);
  return ["plugin", ...needed.map(([name]) => name)];
}

function some(table) {
  return Object.keys(table ?? {})[0];
}
