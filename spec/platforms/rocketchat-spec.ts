import { platformContract, type PlatformContractConfig } from '../support/platform-contract.js';
import { rocketchatPlatform } from '../support/platforms/rocketchat.js';

const skip: PlatformContractConfig['skip'] = {
  throttling: 'the server counts the calls of a route for all rooms together, so that everybody waits',
};

platformContract('rocketchat, by its webhook', rocketchatPlatform('webhook'), {
  skip: {
    ...skip,
    reconnect:
      'what the server posts again comes 20 s later, behind what it has posted since; the specs of the source say more',
  },
});
platformContract('rocketchat, by its socket', rocketchatPlatform('realtime'), { skip });
