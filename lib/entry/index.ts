export * from '../errors.js';
export * from '../model/index.js';
export * from '../../operators/index.js';
export {
  accounts,
  openAccounts,
  type Account,
  type Accounts,
  type AccountsConfig,
  type Counts,
  type Explanation,
  type Report,
} from '../accounts.js';
export { attach, traceOf, type Holder, type Hop, type SettleListener, type Trace } from '../trace.js';
export * from '../store/memory-store.js';
export * from '../store/store.js';
export type { ConversationState, StateConfig } from '../conversation-state.js';
export * from '../profiles/index.js';
export * from '../reply.js';
export { englishTexts, type Texts } from '../text/texts.js';
export { englishBridgeTexts, type BridgeHeading, type BridgePlace, type BridgeTexts } from '../text/bridge-texts.js';
export type { BackoffConfig } from '../limit/backoff.js';
export type { Reconcile, SentBefore } from '../limit/reconcile.js';
