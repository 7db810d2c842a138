import { platformContract, type PlatformContractConfig } from '../support/platform-contract.js';
import { trueconfPlatform } from '../support/platforms/trueconf.js';

const skip: PlatformContractConfig['skip'] = {
  throttling: 'the server documents no limit of requests, and no error that asks for a pause',
  lockedOut: 'who is locked out has no connection: the source errors, as the specs of the client say',
};

platformContract('trueconf, acknowledged when accepted', trueconfPlatform('accepted'), { skip });
platformContract('trueconf, acknowledged when settled', trueconfPlatform('settled'), {
  skip: {
    ...skip,
    oversize: 'a frame that cannot be read cannot be acknowledged, and comes again with each connection',
  },
});
