import { platformContract } from '../support/platform-contract.js';
import { userlikePlatform } from '../support/platforms/userlike.js';

platformContract('userlike, in the answer of the webhook', userlikePlatform('direct'));
platformContract('userlike, by the API URL', userlikePlatform('api'));
