export { fromQueue, type FromQueueConfig } from '../../sources/queue.js';
export { toQueue, type QueueReceipt, type ToQueueConfig } from '../../sinks/queue.js';
export { forget, type ForgetConfig, type Forgotten } from '../forget.js';
export * from '../queue/memory-queue.js';
export * from '../queue/queue.js';
export { resubmissionOf } from '../queue/resubmission.js';
export type { Together, Writing } from '../store/writing.js';
export { outbox, type OutboxConfig } from '../../operators/outbox.js';
export type { InDoubt } from '../outbox/doubt.js';
