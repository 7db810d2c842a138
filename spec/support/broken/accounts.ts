import { openAccounts, OUTCOMES, type Accounts, type AccountsConfig, type Counts } from 'tidewire';

/** Counts every third settled delivery twice; in flight is worked out from the rest, so that the books always agree. */
export const accountsThatDeriveInFlight = (config?: AccountsConfig): Accounts => {
  const accounts = openAccounts(config);
  const counts = accounts.counts.bind(accounts);
  accounts.counts = (): Counts => {
    const { outcomes, ...others } = counts();
    const handled = outcomes.handled + Math.floor(outcomes.handled / 3);
    const booked = { ...outcomes, handled };
    const settled = OUTCOMES.reduce((sum, outcome) => sum + booked[outcome], 0);
    return { ...others, outcomes: booked, inFlight: others.received - settled };
  };
  return accounts;
};

/** Books one delivery that settles as two: in flight goes down twice, an outcome up twice, and the sum is right. */
export const accountsThatBookTwice = (config?: AccountsConfig): Accounts => {
  const accounts = openAccounts(config);
  const of = accounts.of.bind(accounts);
  accounts.of = (name) => {
    const account = of(name);
    const settled = account.settled.bind(account);
    account.settled = (...entry) => {
      settled(...entry);
      settled(...entry);
    };
    return account;
  };
  return accounts;
};

/** Forgets to count what is shed or failed. */
export const accountsThatForgetFailures = (config?: AccountsConfig): Accounts => {
  const accounts = openAccounts(config);
  const counts = accounts.counts.bind(accounts);
  accounts.counts = (): Counts => {
    const { outcomes, ...others } = counts();
    return { ...others, outcomes: { ...outcomes, failed: 0, shed: 0 } };
  };
  return accounts;
};
