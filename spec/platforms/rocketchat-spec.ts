import { platformContract } from '../support/platform-contract.js';
import { rocketchatPlatform } from '../support/platforms/rocketchat.js';

platformContract('rocketchat, by its webhook', rocketchatPlatform('webhook'));
platformContract('rocketchat, by its socket', rocketchatPlatform('realtime'));
platformContract('rocketchat, by both', rocketchatPlatform('both'));
