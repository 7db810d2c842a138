import { platformContract, type PlatformContractConfig } from '../support/platform-contract.js';
import { chatfirstChannelPlatform } from '../support/platforms/chatfirst-channel.js';
import { chatfirstPlatform } from '../support/platforms/chatfirst.js';

const noTypes = 'every address below the path of an adapter is a call: there are no types, and nothing to break';
const skip: PlatformContractConfig['skip'] = { unknownEvent: noTypes, brokenEvent: noTypes };

platformContract('chatfirst, in the answer of an adapter', chatfirstPlatform('direct'), { skip });
platformContract('chatfirst, asked by an adapter and pushing', chatfirstPlatform('push'), { skip });
platformContract('chatfirst, as a channel', chatfirstChannelPlatform, {
  skip: { unknownEvent: 'a push has messages, and nothing that has a type' },
});
