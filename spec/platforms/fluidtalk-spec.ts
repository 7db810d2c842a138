import { platformContract } from '../support/platform-contract.js';
import { fluidtalkPlatform } from '../support/platforms/fluidtalk.js';

const onlyAnswers = 'a persona speaks only in the answer to a call, and no answer comes twice';
const noEvents = 'there are no events, only answers: one that cannot be read is an error of its call';
const noLimit = 'no limit of texts is documented';

platformContract('fluidtalk', fluidtalkPlatform, {
  skip: {
    redelivery: onlyAnswers,
    twins: onlyAnswers,
    unknownEvent: noEvents,
    brokenEvent: noEvents,
    longText: noLimit,
    tooLongText: noLimit,
    close: 'the source has no end of its own, and no call is made once nobody listens to the replies',
  },
});
