export { download, type Download, type DownloadConfig } from '../transport/download.js';
export type { FormPart } from '../transport/multipart.js';
export * from '../fluidtalk/client.js';
export * from '../fluidtalk/codec.js';
export * from '../fluidtalk/command.js';
export type { FluidtalkStatus } from '../fluidtalk/key.js';
export * from '../fluidtalk/ledger.js';
export { fluidtalkError, type FluidtalkRefusal } from '../fluidtalk/refusal.js';
export * from '../fluidtalk/result.js';
