export * from '../userlike/simulator-core.js';
export * from '../userlike/simulator.js';
export type { UserlikeWebhookFaults } from '../userlike/simulator-deliveries.js';
export type { SimulatedOption } from '../userlike/simulator-channels.js';
export * from '../fluidtalk/simulator-core.js';
export * from '../fluidtalk/simulator.js';
export type { FluidtalkAnswer, FluidtalkDetail } from '../fluidtalk/simulator-answers.js';
export type { FluidtalkConversation } from '../fluidtalk/simulator-conversations.js';
export type { FluidtalkCall, FluidtalkFault, FluidtalkFaults } from '../fluidtalk/simulator-faults.js';
export type { FluidtalkFile, FluidtalkForm } from '../fluidtalk/simulator-form.js';
export type { FluidtalkEffect, FluidtalkJournalEntry } from '../fluidtalk/simulator-journal.js';
export type { FluidtalkAct, FluidtalkReply, FluidtalkTurn } from '../fluidtalk/simulator-persona.js';
export type { FluidtalkRules } from '../fluidtalk/simulator-rules.js';
export * from '../trueconf/simulator-core.js';
export * from '../trueconf/simulator.js';
export type { TrueconfConnection, TrueconfPeer } from '../trueconf/simulator-connection.js';
export type {
  TrueconfCall,
  TrueconfConnectionFaults,
  TrueconfEvent,
  TrueconfEventFaults,
  TrueconfFaults,
  TrueconfHttpFaults,
  TrueconfRequestFaults,
} from '../trueconf/simulator-faults.js';
export type { TrueconfFile } from '../trueconf/simulator-files.js';
export type { TrueconfAnswer, TrueconfRequest } from '../trueconf/simulator-http.js';
export type {
  TrueconfChatEffect,
  TrueconfEffect,
  TrueconfJournalEntry,
  TrueconfPart,
  TrueconfWireEffect,
} from '../trueconf/simulator-journal.js';
export type { TrueconfContent, TrueconfLimits } from '../trueconf/simulator-model.js';
export type { TrueconfRules } from '../trueconf/simulator-rules.js';
export type { TrueconfUpload, TrueconfUser, TrueconfWhere } from '../trueconf/simulator-user.js';
export * from '../chatfirst/simulator-core.js';
export * from '../chatfirst/simulator.js';
export type { ChatfirstAnswer } from '../chatfirst/simulator-answers.js';
export type { ChatfirstBot } from '../chatfirst/simulator-bots.js';
export type { ChatfirstIncoming, ChatfirstNetwork, ChatfirstOutgoing } from '../chatfirst/simulator-desk.js';
export type {
  ChatfirstAdapterFaults,
  ChatfirstApiFaults,
  ChatfirstCall,
  ChatfirstDelivery,
  ChatfirstFault,
  ChatfirstFaults,
  ChatfirstPushFaults,
} from '../chatfirst/simulator-faults.js';
export type {
  ChatfirstEffect,
  ChatfirstJournalEntry,
  ChatfirstSubject,
  ChatfirstWhom,
} from '../chatfirst/simulator-journal.js';
export type { ChatfirstBubble, ChatfirstEntity } from '../chatfirst/simulator-reply.js';
export type { ChatfirstOperation, ChatfirstRequest } from '../chatfirst/simulator-routes.js';
export type { ChatfirstRules } from '../chatfirst/simulator-rules.js';
export type { ChatfirstUser } from '../chatfirst/simulator-user.js';
export type { ChatfirstMover } from '../chatfirst/simulator-walk.js';
export * from '../rocketchat/simulator-core.js';
export * from '../rocketchat/simulator.js';
export type { RocketchatAgent } from '../rocketchat/simulator-agent.js';
export type { RocketchatAnswer, RocketchatRequest } from '../rocketchat/simulator-answers.js';
export type { RocketchatConnection, RocketchatPeer } from '../rocketchat/simulator-connection.js';
export type {
  RocketchatCall,
  RocketchatConnectionFaults,
  RocketchatEvent,
  RocketchatEventFaults,
  RocketchatFaults,
  RocketchatHook,
  RocketchatHookFaults,
  RocketchatMethodCall,
  RocketchatMethodFaults,
  RocketchatRaces,
  RocketchatRestFaults,
} from '../rocketchat/simulator-faults.js';
export type { RocketchatFile } from '../rocketchat/simulator-files.js';
export type { RocketchatPost, RocketchatPosted } from '../rocketchat/simulator-deliveries.js';
export type {
  RocketchatEffect,
  RocketchatJournalEntry,
  RocketchatPersonEffect,
  RocketchatRoomEffect,
  RocketchatWireEffect,
} from '../rocketchat/simulator-journal.js';
export type { RocketchatContent } from '../rocketchat/simulator-model.js';
export type {
  RocketchatAccount,
  RocketchatDepartment,
  RocketchatHookEvent,
  RocketchatRules,
  RocketchatStatus,
  RocketchatWebhook,
} from '../rocketchat/simulator-rules.js';
export type { RocketchatGuest, RocketchatVisitor } from '../rocketchat/simulator-visitor.js';
