import { expect } from 'chai';
import { ChatError, type Receipt } from 'tidewire';

/** The error of a receipt that has one. */
export const errorIn = (receipt: Receipt): ChatError => {
  if (receipt.status === 'failed' || receipt.status === 'unknown') return receipt.error;
  throw new Error(`expected an error, got a receipt that is ${receipt.status}`);
};

/** Ours, of this platform, and a sentence. */
export const isSentence = (error: ChatError, platform: string): void => {
  expect(error).to.be.instanceOf(ChatError);
  expect(error.platform).to.equal(platform);
  expect(error.message).to.match(new RegExp(`^${platform}: \\S+ \\S+`));
};
