import { expect } from 'chai';
import fc from 'fast-check';
import { either as E } from 'fp-ts';
import type { ChatError, InboundEvent, OutboundAction } from 'tidewire';
import { InboundEventCodec } from 'tidewire/model';
import {
  decodeAnswer,
  decodeFrame,
  decodeInquiry,
  decodeIntegration,
  decodeMessage,
  decodeRequest,
  decodeRoom,
  decodeStreamEvent,
  decodeWebhook,
  encodeAction,
  encodeFrame,
  encodeIntegrationAnswer,
  isVersion,
  messageIdOf,
  newMessageId,
  parseRequest,
  pathOf,
  rocketchatError,
  rocketchatFrameError,
  roomOf,
  type RocketchatDialect,
  type RocketchatFrame,
  type RocketchatHttpMethod,
  type RocketchatStreamEvent,
} from 'tidewire/rocketchat';
import type { JsonObject } from 'tidewire';
import { fixtures } from '../../support/fixtures.js';
import { mutate, random } from '../../support/mutations.js';

interface Exchange {
  readonly request?: { readonly method: RocketchatHttpMethod; readonly path: string; readonly body?: JsonObject };
  readonly response: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body: Record<string, unknown>;
  };
}
interface Sent {
  readonly dir: '<' | '>';
  readonly frame: Record<string, unknown>;
}

const http = fixtures('rocketchat/http') as ReadonlyMap<string, Exchange>;
const frames = fixtures('rocketchat/frames') as ReadonlyMap<string, readonly Sent[]>;
const webhooks = fixtures('rocketchat/webhooks') as ReadonlyMap<string, { readonly body: Record<string, unknown> }>;
const messages = fixtures('rocketchat/messages');

const BOT = 'aGt9SwEdR4fVb6HyN';
const ROOM = 'hT7mQpWz4KcYb2NdR';
const VISITOR = '6740aa10f3c2b91d5e7a0c31';
const TOKEN = 'vis-test-dana-00000000000000000000000001';
const SALES = '66fa01c7d2a9b3e4f5061728';
const arrival = { id: 'made-1', at: '2026-01-01T00:00:00.000Z', self: BOT };
const conversation = { platform: 'rocketchat', id: ROOM, channel: 'livechat' } as const;
const dana = { role: 'customer', id: VISITOR, name: 'Dana Okoro' };
const guest = { role: 'customer', id: VISITOR, name: 'guest-88' };
const bot = { role: 'bot', id: BOT, name: 'Helper Bot', self: true };
const mira = { role: 'agent', id: 'hUm4nAg3ntXyZ2kLp', name: 'mira' };

const right = <T>(decoded: E.Either<ChatError, T>): T =>
  E.isRight(decoded) ? decoded.right : expect.fail(decoded.left.message);
const left = (decoded: E.Either<ChatError, unknown>): ChatError =>
  E.isLeft(decoded) ? decoded.left : expect.fail('expected an error');
const plain = (event: InboundEvent): Partial<InboundEvent> => {
  const { raw: _raw, fingerprint: _fingerprint, platform: _platform, conversation: _conversation, ...rest } = event;
  return rest;
};
const exchange = (name: string): Exchange => http.get(name) ?? expect.fail(`no fixture ${name}`);
const answer = (name: string): Record<string, unknown> => exchange(name).response.body;
const isModelled = (event: InboundEvent): boolean =>
  E.isRight(InboundEventCodec.decode(JSON.parse(JSON.stringify(event)) as unknown));
const one = (decoded: E.Either<ChatError, readonly InboundEvent[]>): InboundEvent => {
  const [event, ...more] = right(decoded);
  expect(more).to.deep.equal([]);
  return event ?? expect.fail('expected an event');
};
const message = (more: object = {}): Record<string, unknown> => ({
  _id: 'm1',
  rid: ROOM,
  msg: 'hi',
  ts: '2026-11-20T10:00:05.310Z',
  u: { _id: BOT, username: 'helper.bot' },
  ...more,
});
const stream = (name: string, eventName: string, ...args: unknown[]): RocketchatStreamEvent => ({
  stream: name,
  eventName,
  args,
});
const changed = (name: string, index: number): RocketchatStreamEvent => {
  const frame = right(decodeFrame(JSON.stringify(frames.get(name)?.[index]?.frame)));
  if (frame.msg !== 'changed') return expect.fail('expected an event');
  return { stream: frame.collection.slice(7), ...frame.fields };
};

describe('decodeMessage of Rocket.Chat', () => {
  it('reads a page of history', () => {
    const [said, joined, connected, asked, started] = (answer('history')['messages'] as unknown[]).map((wire) =>
      one(decodeMessage(wire, arrival)),
    );
    expect(plain(said!)).to.deep.equal({
      kind: 'message',
      id: 'pQ2dVn6XsTg8HjKwM',
      text: 'It left the depot today.',
      at: '2026-11-20T10:01:10.002Z',
      sender: bot,
    });
    expect(plain(joined!)).to.deep.equal({
      kind: 'membership',
      change: 'joined',
      members: [bot],
      id: 'cX4zLm7PqRt2YbNdS',
      at: '2026-11-20T10:00:30.111Z',
    });
    expect(plain(connected!)).to.deep.equal({
      kind: 'membership',
      change: 'joined',
      members: [{ ...bot, name: 'helper.bot' }],
      id: `${ROOM}~taken~${BOT}`,
      at: '2026-11-20T10:00:30.111Z',
    });
    expect(plain(asked!)).to.deep.include({ kind: 'message', id: 'mB5xKqJ8wYt3RzLcF', sender: dana });
    expect(plain(started!)).to.deep.equal({
      kind: 'started',
      id: `${ROOM}~started`,
      at: '2026-11-20T10:00:02.060Z',
      sender: guest,
    });
    expect(asked?.conversation).to.deep.equal(conversation);
  });

  it('reads system messages', () => {
    const expected: Readonly<Record<string, object>> = {
      transferred: { kind: 'other', name: 'forwarded', id: `${ROOM}~forwarded~department:66fa01c7d2a9b3e4f5061999` },
      left: { kind: 'membership', change: 'left', members: [bot], id: 'kA2fSt5VwXy8EhUmB' },
      closed: { kind: 'ended', by: 'bot', reason: 'solved', id: `${ROOM}~ended` },
    };
    expect([...messages.keys()]).to.deep.equal(Object.keys(expected));
    for (const [name, wire] of messages) expect(one(decodeMessage(wire, arrival))).to.deep.include(expected[name]);
    const system: readonly (readonly [object, object])[] = [
      [
        { t: 'rm', msg: '' },
        { kind: 'removed', messageId: 'm1', id: 'm1~removed' },
      ],
      [
        { t: 'command', msg: 'promptTranscript' },
        { kind: 'other', name: 'command', id: 'm1' },
      ],
      [
        { t: 'command', msg: 'connected', u: { _id: mira.id, username: 'mira' } },
        { kind: 'handoffTaken', agent: mira, id: `${ROOM}~taken~${mira.id}` },
      ],
      [
        { t: 'livechat-close', msg: '', token: TOKEN, u: { _id: 'v' } },
        { kind: 'ended', by: 'customer' },
      ],
      [
        { t: 'livechat_transfer_history', transferData: { transferredTo: { _id: mira.id } } },
        { id: `${ROOM}~forwarded~agent:${mira.id}` },
      ],
      [{ t: 'livechat_transfer_history', transferData: { scope: 'queue' } }, { id: `${ROOM}~forwarded~queue` }],
      [
        { t: 'livechat_navigation_history', token: TOKEN },
        { kind: 'other', name: 'livechat_navigation_history' },
      ],
      [{ t: 'of-tomorrow' }, { kind: 'other', name: 'of-tomorrow', id: 'm1' }],
    ];
    for (const [more, event] of system) expect(one(decodeMessage(message(more), arrival))).to.deep.include(event);
    expect(left(decodeMessage(message({ t: 'e2e' }), arrival)).problems).to.deep.equal(['the message is encrypted']);
  });

  it('tells a message that was edited as it is, and then its edit', () => {
    const wire = message({ msg: 'hi!', editedAt: '2026-11-20T10:00:09.000Z' });
    expect(right(decodeMessage(wire, arrival)).map(plain)).to.deep.equal([
      {
        kind: 'message',
        text: 'hi!',
        id: 'm1',
        at: '2026-11-20T10:00:05.310Z',
        sender: { ...bot, name: 'helper.bot' },
      },
      {
        kind: 'edited',
        messageId: 'm1',
        text: 'hi!',
        id: `m1~${Date.parse('2026-11-20T10:00:09.000Z')}`,
        at: '2026-11-20T10:00:09.000Z',
        sender: { ...bot, name: 'helper.bot' },
      },
    ]);
  });

  it('reads files', () => {
    const upload = one(decodeMessage(answer('upload'), { ...arrival, baseUrl: 'https://chat.shop.example/rc/' }));
    expect(plain(upload)).to.deep.equal({
      kind: 'media',
      media: {
        url: 'https://chat.shop.example/rc/file-upload/6740ab01f3c2b91d5e7a0d01/label.png',
        fileId: '6740ab01f3c2b91d5e7a0d01',
        name: 'label.png',
        mimeType: 'image/png',
        sizeBytes: 2048,
      },
      caption: 'parcel label',
      id: 'fW7cPq2StUx5BeRgY',
      at: '2026-11-20T10:02:00.400Z',
      sender: dana,
    });
    const file = { file: { _id: 'f', name: 'a.pdf', type: 'application/pdf' } };
    const fileUpload = { publicFilePath: 'https://cdn.example/a.pdf', type: 'application/pdf', size: '7' };
    expect(one(decodeMessage(message({ msg: undefined, ...file, fileUpload }), arrival))).to.deep.include({
      kind: 'media',
      media: {
        url: 'https://cdn.example/a.pdf',
        fileId: 'f',
        name: 'a.pdf',
        mimeType: 'application/pdf',
        sizeBytes: 7,
      },
    });
    const two = [
      { title: 'a', type: 'file', title_link: '/file-upload/1/a' },
      { title: 'b', audio_url: '/file-upload/2/b', audio_type: 'audio/ogg', audio_size: 3 },
      { image_url: 5 },
      'nonsense',
    ];
    expect(one(decodeMessage(message({ attachments: two }), arrival))).to.deep.include({
      kind: 'message',
      attachments: [
        { url: '/file-upload/1/a', fileId: '1', name: 'a' },
        { url: '/file-upload/2/b', fileId: '2', name: 'b', mimeType: 'audio/ogg', sizeBytes: 3 },
      ],
    });
  });

  it('knows what a message answers, and who we are', () => {
    const quote = { attachments: [{ message_link: 'https://chat.example/live/r?msg=m0', text: 'x' }] };
    expect(one(decodeMessage(message(quote), arrival))).to.deep.include({ kind: 'message', replyTo: 'm0' });
    expect(one(decodeMessage(message({ tmid: 'm9' }), arrival))).to.deep.include({ replyTo: 'm9' });
    expect(one(decodeMessage(message({ bot: { i: 'x' }, u: { _id: 'i' } }), arrival)).sender?.role).to.equal('bot');
    const own = { token: TOKEN, u: { _id: VISITOR } };
    expect(one(decodeMessage(message(own), { ...arrival, self: VISITOR })).sender).to.deep.equal({
      role: 'customer',
      id: VISITOR,
      self: true,
    });
    expect(one(decodeMessage(message(), { ...arrival, account: 'a' })).conversation.account).to.equal('a');
  });
});

describe('the inputs of Rocket.Chat', () => {
  it('give the same id to the same message', () => {
    const fromHistory = one(decodeMessage((answer('history')['messages'] as unknown[])[3], arrival));
    const fromStream = one(decodeStreamEvent(changed('message', 0), arrival));
    const hook = right(decodeWebhook(webhooks.get('message')?.body, arrival));
    const { events } = hook;
    expect(hook.transcript).to.deep.equal([]);
    expect(plain(fromStream)).to.deep.equal(plain(fromHistory));
    // The webhook names the visitor as the others do.
    expect(events.map(plain)).to.deep.equal([plain(fromHistory)]);
    for (const event of [fromHistory, fromStream, ...events]) expect(isModelled(event)).to.equal(true);
  });

  it('give the same ids to the life of a room', () => {
    const closedHook = right(decodeWebhook(webhooks.get('closed')?.body, arrival));
    const closedMessage = one(decodeMessage(messages.get('closed'), arrival));
    expect(closedHook.events.map(({ id }) => id)).to.deep.equal([closedMessage.id]);
    expect(closedHook.transcript.map(({ kind, id }) => [kind, id])).to.deep.equal([
      ['message', 'mB5xKqJ8wYt3RzLcF'],
      ['ended', closedMessage.id],
    ]);
    expect(closedHook.events[0]).to.deep.include({ by: 'bot', at: '2026-11-20T10:04:59.900Z' });

    const [room] = answer('rooms')['rooms'] as [Record<string, unknown>];
    const life = right(decodeRoom({ ...room, closedAt: '2026-11-20T10:05:00.000Z', closer: 'visitor' }, arrival));
    expect(life.map(({ kind, id }) => [kind, id])).to.deep.equal([
      ['started', `${ROOM}~started`],
      ['membership', `${ROOM}~taken~${BOT}`],
      ['ended', `${ROOM}~ended`],
    ]);
    expect(life.at(-1)).to.deep.include({ by: 'customer' });
    const start = right(decodeWebhook(webhooks.get('started')?.body, arrival));
    expect(start.events.map(plain)).to.deep.equal([
      { kind: 'started', id: `${ROOM}~started`, at: '2026-11-20T10:00:02.000Z', sender: guest },
    ]);
    const forwarded = right(decodeWebhook(webhooks.get('forwarded')?.body, arrival));
    const at = '2026-11-20T10:03:00.000Z';
    expect(forwarded.events.map(plain)).to.deep.equal([
      { kind: 'other', name: 'forwarded', id: `${ROOM}~forwarded~agent:${mira.id}`, at },
      { kind: 'handoffTaken', agent: mira, id: `${ROOM}~taken~${mira.id}`, at },
    ]);
    const taken = { ...webhooks.get('forwarded')?.body, type: 'LivechatSessionTaken' };
    expect(
      one(E.map((hook: { readonly events: readonly InboundEvent[] }) => hook.events)(decodeWebhook(taken, arrival))),
    ).to.deep.include({
      kind: 'handoffTaken',
      agent: mira,
      id: `${ROOM}~taken~${mira.id}`,
    });
    const queued = { ...webhooks.get('started')?.body, type: 'LivechatSessionQueued' };
    const inquiry = (answer('inquiries')['inquiries'] as unknown[])[0];
    expect(right(decodeWebhook(queued, arrival)).events[0]?.id).to.equal(right(decodeInquiry(inquiry, arrival)).id);
    expect(one(decodeStreamEvent(changed('notices', 1), arrival)).id).to.equal(
      right(decodeInquiry(inquiry, arrival)).id,
    );
    expect(one(decodeStreamEvent(changed('notices', 0), arrival))).to.deep.include({
      kind: 'membership',
      id: `${ROOM}~taken~${BOT}`,
      at: '2026-11-20T10:00:30.100Z',
    });
  });

  it('agree on edits and deletions', () => {
    const editedAt = '2026-11-20T10:00:09.000Z';
    const hookItem = { ...message({ editedAt }), username: 'helper.bot', agentId: BOT };
    const hook = { ...webhooks.get('message')?.body, messages: [hookItem] };
    const wire = message({
      editedAt: { $date: Date.parse(editedAt) },
      ts: { $date: Date.parse('2026-11-20T10:00:05.310Z') },
    });
    const fromStream = right(decodeStreamEvent(stream('room-messages', ROOM, wire), arrival));
    expect(right(decodeWebhook(hook, arrival)).events.map(plain)).to.deep.equal(fromStream.map(plain));
    const removed = one(decodeStreamEvent(changed('notices', 3), arrival));
    expect(removed.id).to.equal(one(decodeMessage(message({ _id: 'pQ2dVn6XsTg8HjKwM', t: 'rm' }), arrival)).id);
  });
});

describe('decodeWebhook of Rocket.Chat', () => {
  it('knows the customer by e-mail and telephone', () => {
    const { body } = webhooks.get('message')!;
    expect(right(decodeWebhook({ ...body, type: 'LivechatSessionStart' }, arrival)).events[0]?.sender).to.deep.equal({
      ...dana,
      email: 'dana@mail.example',
      phone: '+4930555010',
    });
    const test = { visitor: { _id: '', name: 'Dana', email: 'd@mail.example', phone: '1' }, type: 'LivechatSession' };
    expect(right(decodeWebhook({ ...body, ...test }, arrival)).events[0]).not.to.have.property('sender');
  });

  it('reads what belongs to no room, and types of tomorrow', () => {
    const offline = right(decodeWebhook(webhooks.get('offline')?.body, arrival));
    expect(offline.events.map(plain)).to.deep.equal([
      {
        kind: 'other',
        name: 'LivechatOfflineMessage',
        id: arrival.id,
        at: '2026-11-20T22:00:00.000Z',
        sender: { role: 'customer', name: 'Dana Okoro', email: 'dana@mail.example' },
      },
    ]);
    expect(offline.rid).to.equal('');
    for (const type of ['LeadCapture', 'LivechatEdit', 'OfTomorrow'])
      expect(right(decodeWebhook({ _id: ROOM, type, messages: [] }, arrival)).events[0]).to.deep.include({
        kind: 'other',
        name: type,
        id: arrival.id,
      });
  });

  it('lets an item that cannot be read hide none of the others', () => {
    const { body } = webhooks.get('closed')!;
    const [first] = body['messages'] as unknown[];
    const { transcript } = right(decodeWebhook({ ...body, messages: [{ secret: 'hush' }, first] }, arrival));
    expect(transcript.map(({ kind, id }) => [kind, id])).to.deep.equal([
      ['undecodable', 'made-1.1'],
      ['message', 'mB5xKqJ8wYt3RzLcF'],
    ]);
    expect(JSON.stringify(transcript[0]?.kind === 'undecodable' && transcript[0].problems)).not.to.include('hush');
  });

  it('refuses what is none, with paths and never values', () => {
    for (const body of [
      null,
      [],
      'hush',
      { type: 'Message' },
      { _id: 5, type: 'Message', x: 'hush' },
      { _id: 'r', type: 'Message' },
    ]) {
      const error = left(decodeWebhook(body, arrival));
      expect(error.kind).to.equal('undecodable');
      expect(JSON.stringify(error)).not.to.include('hush');
    }
  });

  it('survives whatever comes, and what it gives is an event', () => {
    const next = random(7);
    for (const { body } of webhooks.values()) {
      for (let n = 0; n < 400; n++) {
        let json: unknown;
        try {
          json = JSON.parse(mutate(body, next));
        } catch {
          continue;
        }
        const decoded = decodeWebhook(json, arrival);
        if (E.isLeft(decoded)) continue;
        for (const event of [...decoded.right.events, ...decoded.right.transcript])
          expect(isModelled(event)).to.equal(true);
      }
    }
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
  });
});

describe('decodeIntegration of Rocket.Chat', () => {
  const { body, noReply, reply } = fixtures('rocketchat/integrations').get('message') as {
    readonly body: Record<string, unknown>;
    readonly noReply: { readonly body: object };
    readonly reply: { readonly body: { readonly text: string } };
  };

  it('reads a message, which has the id that it has elsewhere', () => {
    const { token, event } = right(decodeIntegration(body, arrival));
    expect(token).to.equal('integration-token-test-1');
    expect(plain(event)).to.deep.include({
      kind: 'message',
      id: 'mB5xKqJ8wYt3RzLcF',
      text: 'Where is my parcel?',
      sender: dana,
    });
    expect(right(decodeIntegration({ ...body, isEdited: true }, arrival)).event).to.deep.include({
      kind: 'edited',
      messageId: 'mB5xKqJ8wYt3RzLcF',
      id: arrival.id,
    });
    expect(right(decodeIntegration({ ...body, bot: true }, arrival)).event.sender?.role).to.equal('bot');
    expect(left(decodeIntegration({ ...body, token: 5 }, arrival)).problems).to.deep.equal(['token is not string']);
  });

  it('answers with something, always', () => {
    expect(encodeIntegrationAnswer()).to.deep.equal(noReply.body);
    expect(encodeIntegrationAnswer('')).to.deep.equal(noReply.body);
    expect(encodeIntegrationAnswer(reply.body.text)).to.deep.equal(reply.body);
  });
});

describe('decodeStreamEvent of Rocket.Chat', () => {
  const visitor = { id: VISITOR, username: 'guest-88', name: 'Dana Okoro' };
  const expected: readonly (readonly [RocketchatStreamEvent, object | readonly object[]])[] = [
    [
      changed('notices', 2),
      { kind: 'progress', what: 'typing', active: true, sender: { role: 'agent', name: 'helper.bot' } },
    ],
    [
      stream('notify-room', `${ROOM}/user-activity`, 'guest-88', []),
      { active: false, sender: { role: 'customer', id: VISITOR, name: 'guest-88' } },
    ],
    [
      stream('notify-room', `${ROOM}/typing`, 'Dana Okoro', true),
      { active: true, sender: { role: 'customer', id: VISITOR, name: 'Dana Okoro' } },
    ],
    [
      stream('notify-room', `${ROOM}/deleteMessageBulk`, { rid: ROOM, ids: ['a', 'b'] }),
      [
        { kind: 'removed', messageId: 'a' },
        { kind: 'removed', messageId: 'b' },
      ],
    ],
    [stream('notify-room', `${ROOM}/deleteMessageBulk`, { rid: ROOM }), { kind: 'other', name: 'deleteMessageBulk' }],
    [
      stream('notify-room', `${ROOM}/messagesRead`, { until: { $date: 0 } }),
      { kind: 'progress', what: 'read', at: '1970-01-01T00:00:00.000Z' },
    ],
    [stream('notify-room', `${ROOM}/of-tomorrow`), { kind: 'other', name: 'of-tomorrow' }],
    [
      stream('notify-user', `${BOT}/subscriptions-changed`, 'removed', { rid: ROOM, t: 'l' }),
      { kind: 'membership', change: 'left' },
    ],
    [
      stream('notify-user', `${BOT}/subscriptions-changed`, 'updated', { rid: ROOM, t: 'l' }),
      { kind: 'other', name: 'subscriptions-changed' },
    ],
    [
      stream('notify-user', `${BOT}/rooms-changed`, 'updated', { _id: ROOM, t: 'l', ts: { $date: 0 } }),
      { kind: 'started' },
    ],
    [stream('notify-user', `${BOT}/notification`, {}), { kind: 'other', name: 'notification' }],
    [changed('visitor', 4), { kind: 'membership', id: `${ROOM}~taken~${BOT}` }],
    [changed('visitor', 5), { kind: 'other', name: 'queueData' }],
    [
      stream('livechat-room', ROOM, { type: 'agentData', data: { _id: mira.id, username: 'mira' } }),
      { kind: 'handoffTaken', agent: mira },
    ],
    [stream('livechat-room', ROOM, { type: 'agentData', data: { hiddenInfo: true } }), { kind: 'handoffTaken' }],
    [stream('livechat-room', ROOM, { type: 'agentData' }), { kind: 'other', name: 'agentData' }],
    [
      stream('livechat-inquiry-queue-observer', 'public', {
        type: 'changed',
        _id: 'i',
        rid: ROOM,
        status: 'taken',
        _updatedAt: { $date: 5 },
      }),
      { kind: 'other', name: 'inquiry-taken', id: 'i~changed~5' },
    ],
    [
      stream('livechat-inquiry-queue-observer', 'i', { _id: 'i', clientAction: 'removed' }),
      { kind: 'other', name: 'inquiry-removed' },
    ],
    [
      stream('room-data', ROOM, { _id: ROOM, t: 'l', servedBy: { _id: mira.id, username: 'mira', ts: { $date: 7 } } }),
      { kind: 'handoffTaken', at: '1970-01-01T00:00:00.007Z' },
    ],
    [stream('of-tomorrow', 'x'), { kind: 'other', name: 'of-tomorrow' }],
  ];
  for (const [event, wanted] of expected) {
    it(`reads ${event.stream} ${event.eventName.replace(/^[^/]*\//, '')} ${JSON.stringify(event.args).slice(0, 60)}`, () => {
      const events = right(decodeStreamEvent(event, { ...arrival, visitor }));
      const list = Array.isArray(wanted) ? (wanted as readonly object[]) : [wanted as object];
      expect(events).to.have.length(list.length);
      events.forEach((found, index) => {
        expect(found).to.deep.include(list[index]);
        expect(isModelled(found)).to.equal(true);
      });
    });
  }

  it('knows a visitor who has no name of their own', () => {
    const event = stream('notify-room', `${ROOM}/user-activity`, 'guest-7', ['user-typing']);
    expect(one(decodeStreamEvent(event, arrival)).sender?.role).to.equal('customer');
  });

  it('tells of which rooms messages are', () => {
    expect(roomOf(changed('message', 0))).to.deep.equal({ isLivechat: true, isOurs: true });
    expect(roomOf(stream('room-messages', ROOM, message()))).to.equal(undefined);
  });

  it('refuses what breaks the protocol', () => {
    for (const event of [
      stream('room-messages', '__my_messages__', message({ rid: undefined })),
      stream('room-messages', ROOM, message({ ts: 'hush' })),
      stream('notify-room', `${ROOM}/deleteMessage`, 'hush'),
      stream('notify-room', `${ROOM}/typing`, 5),
      stream('livechat-room', ROOM, 'hush'),
      stream('livechat-inquiry-queue-observer', 'public', { _id: 'hush' }),
    ]) {
      const error = left(decodeStreamEvent(event, arrival));
      expect(error.kind).to.equal('undecodable');
      expect(JSON.stringify(error)).not.to.include('hush');
    }
  });
});

describe('frames of Rocket.Chat', () => {
  const all = [...frames.values()].flat();

  it('come back as they were, both ways', () => {
    expect(all.length).to.be.greaterThan(20);
    for (const { frame } of all) {
      const decoded = right(decodeFrame(JSON.stringify(frame)));
      expect(JSON.parse(encodeFrame(decoded))).to.deep.equal(frame);
      expect(right(decodeFrame(encodeFrame(decoded)))).to.deep.equal(decoded);
    }
  });

  it('are known by their message, except for those that nobody has to know', () => {
    const kinds = new Set(all.map(({ frame }) => right(decodeFrame(JSON.stringify(frame))).msg));
    expect([...kinds].sort()).to.deep.equal(
      [
        'added',
        'changed',
        'connect',
        'connected',
        'method',
        'nosub',
        'other',
        'ping',
        'pong',
        'ready',
        'result',
        'sub',
      ].sort(),
    );
    for (const frame of [
      { server_id: '0' },
      { msg: 'of-tomorrow' },
      { msg: 'changed', collection: 'users', id: 'x' },
      { msg: 'toString' },
    ])
      expect(right(decodeFrame(JSON.stringify(frame)))).to.deep.equal({ msg: 'other', frame });
  });

  it('keep what is said, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.jsonValue()), (id, name, args) => {
        const params = JSON.parse(JSON.stringify(args)) as unknown[];
        const sent: RocketchatFrame[] = [
          { msg: 'method', id, method: name, params },
          { msg: 'sub', id, name, params },
          { msg: 'changed', collection: `stream-${name}`, id: 'id', fields: { eventName: id, args: params } },
          { msg: 'ping', id },
        ];
        for (const frame of sent) expect(right(decodeFrame(encodeFrame(frame)))).to.deep.equal(frame);
      }),
    );
  });

  it('are refused when they are none', () => {
    for (const text of [
      '',
      'hush',
      '[]',
      'null',
      '5',
      '{"msg":"result"}',
      '{"msg":"ready","subs":"hush"}',
      '{"msg":"changed","collection":"stream-x","id":"id"}',
    ]) {
      const error = left(decodeFrame(text));
      expect(error.kind).to.equal('undecodable');
      expect(JSON.stringify(error)).not.to.include('hush');
    }
  });
});

describe('requests of Rocket.Chat', () => {
  it('have the paths of the fixtures, and are read back from them', () => {
    for (const [name, { request }] of http) {
      if (request === undefined) continue;
      const parsed = parseRequest(request.method, request.path, request.body);
      expect(pathOf(parsed), name).to.equal(request.path);
      expect(parsed.body, name).to.deep.equal(request.body);
    }
    expect(parseRequest('GET', '/api/v1/livechat/visitor/a%2Fb').params).to.deep.equal({ token: 'a/b' });
    expect(parseRequest('GET', '/api/v1/livechat/users/agent/x')).to.deep.include({
      route: 'livechat/users/:type/:_id',
      params: { type: 'agent', _id: 'x' },
    });
    const { query } = parseRequest('GET', exchange('rooms').request!.path);
    expect(query).to.deep.equal({
      open: 'true',
      'agents[]': [BOT],
      createdAt: '{"start":"2026-11-20T00:00:00.000Z"}',
      count: '50',
      offset: '0',
    });
  });

  it('know versions', () => {
    expect([
      isVersion('7.13', 7, 12),
      isVersion('8.0.1', 7, 12),
      isVersion('7.2', 7, 12),
      isVersion('6.13', 7),
    ]).to.deep.equal([true, true, false, false]);
  });
});

describe('actions of Rocket.Chat', () => {
  const agent = { as: 'agent', name: 'helper.bot', visitorId: VISITOR, hasButtons: true } as const;
  const visitor = { as: 'visitor', token: TOKEN, name: 'guest-88' } as const;
  const act = (more: object): OutboundAction => ({ id: 'a#1', conversation, ...more }) as OutboundAction;
  const encode = (action: OutboundAction, dialect: RocketchatDialect) => right(encodeAction(action, dialect));

  const both = [
    { kind: 'text', text: 'It left the depot today.' },
    { kind: 'edit', messageId: 'm1', text: 'x' },
    { kind: 'remove', messageId: 'm1' },
    { kind: 'typing' },
    { kind: 'handoff', to: { kind: 'department', id: SALES } },
    { kind: 'platform', name: 'chat.pinMessage', payload: { messageId: 'm1' } },
  ];
  const agents = [
    {
      kind: 'choices',
      text: '?',
      choices: [
        { id: 'Yes', label: 'Yes' },
        { id: 'No', label: 'No' },
      ],
    },
    { kind: 'media', media: { fileId: 'f1' }, caption: 'label' },
    { kind: 'media', media: { fileId: 'f1' } },
    { kind: 'end', comment: 'solved' },
    { kind: 'handoff', to: { kind: 'agent', id: BOT }, comment: 'needs a human' },
    { kind: 'handoff', to: { kind: 'any' } },
    { kind: 'updateContact', name: 'Dana', email: 'd@mail.example', phone: '1', customFields: { a: 'b' } },
    { kind: 'updateConversation', subject: 's', topics: ['t'], customFields: { a: 'b' } },
  ];
  const visitors = [{ kind: 'end' }, { kind: 'updateContact', name: 'Dana', customFields: { a: 'b' } }];
  const cases: readonly (readonly [object, RocketchatDialect])[] = [
    ...both.flatMap((one) => [[one, agent] as const, [one, visitor] as const]),
    ...agents.map((one) => [one, agent] as const),
    ...visitors.map((one) => [one, visitor] as const),
  ];
  for (const [more, dialect] of cases) {
    it(`come back as they were: ${dialect.as} ${JSON.stringify(more).slice(0, 70)}`, () => {
      const action = act(more);
      const back = right(decodeRequest(encode(action, dialect), { id: action.id, rid: ROOM }));
      expect(back).to.deep.equal(action);
    });
  }

  it('come back whatever is said', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => text.trim() !== ''),
        fc.constantFrom<RocketchatDialect>(agent, visitor),
        (text, dialect) => {
          const action = act({ kind: 'text', text });
          expect(right(decodeRequest(encode(action, dialect), { id: action.id }))).to.deep.equal(action);
        },
      ),
    );
  });

  it('are the requests of the fixtures', () => {
    const same = (action: object, dialect: RocketchatDialect, name: string, ignored: object = {}): void => {
      const request = encode(act(action), dialect);
      if (!('route' in request)) throw new Error('expected a request');
      const wanted = exchange(name).request!;
      expect({ method: request.method, path: pathOf(request), body: { ...request.body, ...ignored } }).to.deep.equal({
        method: wanted.method,
        path: wanted.path,
        body: wanted.body,
      });
    };
    const sent = { message: { _id: 'pQ2dVn6XsTg8HjKwM', rid: ROOM, msg: 'It left the depot today.' } };
    same({ kind: 'text', text: 'It left the depot today.' }, agent, 'send', sent);
    same({ kind: 'text', text: 'Where is my parcel?' }, visitor, 'message', { _id: 'mB5xKqJ8wYt3RzLcF' });
    const to = { kind: 'department', id: '66fa01c7d2a9b3e4f5061999' };
    same({ kind: 'handoff', to, comment: 'needs a human' }, agent, 'forward');
    same({ kind: 'end', comment: 'solved', extra: { tags: ['parcel'] } }, agent, 'close');
    const typing = encode(act({ kind: 'typing' }), visitor);
    const { method, params } = frames.get('visitor')![6]!.frame;
    expect(typing).to.deep.include({ method, params });
  });

  it('have message ids of their own, the same for the same action', () => {
    const ids = ['a#1', 'a#1', 'a#2'].map((id) => messageIdOf(id));
    expect(ids[0]).to.equal(ids[1]).and.not.to.equal(ids[2]);
    for (const id of [...ids, newMessageId(), newMessageId(() => 0)])
      expect(id).to.match(/^[2-9A-HJ-NP-TW-Za-km-z]{17}$/);
    expect(messageIdOf('a#1', 'part')).not.to.equal(ids[0]);
    expect(encode(act({ kind: 'text', text: 'x' }), agent)).to.have.nested.property('body.message._id', ids[0]);
  });

  it('close with a comment, since servers ask for one', () => {
    expect(encode(act({ kind: 'end' }), agent)).to.have.nested.property('body.comment', 'Closed');
    expect(encode(act({ kind: 'end' }), { ...agent, closingComment: 'Bye' })).to.have.nested.property(
      'body.comment',
      'Bye',
    );
  });

  it('follow the version', () => {
    const transfer = act({ kind: 'handoff', to: { kind: 'department', id: SALES } });
    expect(encode(transfer, { ...visitor, version: '7.13' })).to.include({ route: 'livechat/room.transfer' });
    expect(encode(transfer, visitor)).to.include({ route: 'livechat/visitor/department.transfer' });
    const any = act({ kind: 'handoff', to: { kind: 'any' } });
    expect(left(encodeAction(any, { ...agent, version: '7.11' })).kind).to.equal('unsupported');
  });

  it('put what is extra where it belongs', () => {
    const extra = { emoji: ':ok:' };
    expect(encode(act({ kind: 'text', text: 'x', extra }), agent)).to.have.nested.property(
      'body.message.emoji',
      ':ok:',
    );
    expect(encode(act({ kind: 'note', text: 'x', extra }), agent)).to.have.nested.property('body.emoji', ':ok:');
    expect(encode(act({ kind: 'note', text: 'x' }), agent)).to.have.nested.property('body.roomData.topic', 'x');
  });

  it('are refused before the wire where they cannot be', () => {
    const refused: readonly (readonly [object, RocketchatDialect, string])[] = [
      [{ kind: 'text', text: ' \n' }, agent, 'unsupported'],
      [{ kind: 'text', text: '' }, visitor, 'unsupported'],
      [{ kind: 'text', text: 'x'.repeat(5_001) }, agent, 'overflow'],
      [{ kind: 'text', text: 'x'.repeat(11) }, { ...visitor, maxTextLength: 10 }, 'overflow'],
      [{ kind: 'text', text: '<b>x</b>', format: 'html' }, agent, 'unsupported'],
      [{ kind: 'edit', messageId: 'm', text: ' ' }, visitor, 'unsupported'],
      [{ kind: 'choices', text: '?', choices: [{ id: 'a', label: 'a' }] }, { as: 'agent' }, 'unsupported'],
      [{ kind: 'choices', text: '?', choices: [] }, agent, 'unsupported'],
      [{ kind: 'media', media: { url: 'https://a.example/b' } }, agent, 'unsupported'],
      [{ kind: 'media', media: { fileId: 'f' } }, visitor, 'unsupported'],
      [{ kind: 'typing' }, { as: 'agent' }, 'unsupported'],
      [{ kind: 'typing', visible: false }, agent, 'unsupported'],
      [{ kind: 'handoff', to: { kind: 'group', id: 1 } }, agent, 'unsupported'],
      [{ kind: 'handoff', to: { kind: 'any' } }, visitor, 'unsupported'],
      [{ kind: 'note', text: 'x' }, { as: 'agent' }, 'unsupported'],
      [{ kind: 'updateContact', customFields: { a: 1 } }, agent, 'unsupported'],
      [{ kind: 'updateContact', customFields: { a: 1 } }, visitor, 'unsupported'],
      [{ kind: 'platform', name: 'a?b', payload: {} }, agent, 'unsupported'],
      [{ kind: 'platform', name: 'a', payload: [] }, agent, 'unsupported'],
      [{ kind: 'survey', title: 't', survey: 's' }, agent, 'unsupported'],
      [{ kind: 'navigate', url: 'https://a.example' }, visitor, 'unsupported'],
    ];
    for (const [more, dialect, kind] of refused) {
      const error = left(encodeAction(act(more), dialect));
      expect(error, JSON.stringify(more).slice(0, 60)).to.include({ kind, platform: 'rocketchat', inDoubt: false });
    }
  });
});

describe('decodeAnswer of Rocket.Chat', () => {
  it('reads the fixtures', () => {
    const visitor = right(decodeAnswer('registerVisitor', answer('visitor')));
    expect(visitor).to.deep.equal({
      id: VISITOR,
      username: 'guest-88',
      name: 'Dana Okoro',
      email: 'dana@mail.example',
      phone: '+4930555010',
      department: SALES,
      status: 'online',
      customFields: { orderNo: 'A-1042' },
    });
    expect(visitor.token).to.equal(TOKEN);
    expect(JSON.stringify(visitor)).not.to.include(TOKEN);

    const { room, isNew } = right(decodeAnswer('room', answer('room')));
    expect(isNew).to.equal(true);
    expect(room).to.deep.equal({
      id: ROOM,
      isOpen: true,
      label: 'Dana Okoro',
      visitor: { id: VISITOR, username: 'guest-88', status: 'online' },
      departmentId: SALES,
      source: 'api',
      tags: [],
      isOnHold: false,
      customFields: {},
      startedAt: '2026-11-20T10:00:02.000Z',
      lastMessageAt: '2026-11-20T10:00:02.000Z',
      updatedAt: '2026-11-20T10:00:02.044Z',
    });
    expect(room.raw).to.deep.equal((answer('room') as { room: object }).room);
    expect(right(decodeAnswer('room', (answer('room') as { room: object }).room)).room).to.deep.equal(room);

    const sent = right(decodeAnswer('message', answer('message')));
    expect(sent).to.deep.equal({
      id: 'mB5xKqJ8wYt3RzLcF',
      roomId: ROOM,
      text: 'Where is my parcel?',
      at: '2026-11-20T10:00:05.310Z',
      author: { id: VISITOR, username: 'guest-88', name: 'Dana Okoro', isVisitor: true },
      media: [],
      updatedAt: '2026-11-20T10:00:05.362Z',
    });
    expect(JSON.stringify([room, sent])).not.to.include(TOKEN);
    expect(right(decodeAnswer('message', answer('message-again-current'))).id).to.equal(sent.id);
    expect(right(decodeAnswer('history', answer('history'))).map(({ type }) => type)).to.deep.equal([
      undefined,
      'uj',
      'command',
      undefined,
      'livechat-started',
    ]);
    const { items, total } = right(decodeAnswer('inquiries', answer('inquiries')));
    expect(total).to.equal(1);
    expect(items[0]).to.deep.include({ roomId: ROOM, status: 'queued', department: SALES });
    expect(right(decodeAnswer('inquiry', answer('inquiry')))).to.deep.include({
      status: 'taken',
      takenAt: '2026-11-20T10:00:30.090Z',
    });
    expect(right(decodeAnswer('inquiry', answer('inquiry-none')))).to.equal(undefined);
    expect(right(decodeAnswer('agents', answer('agents'))).items).to.deep.equal([
      {
        id: BOT,
        username: 'helper.bot',
        name: 'Helper Bot',
        status: 'online',
        isAvailable: true,
        emails: ['bot@shop.example'],
        departments: [SALES],
        maxChats: 5,
      },
    ]);
    expect(right(decodeAnswer('addAgent', answer('agent-create')))).to.deep.equal({ id: BOT, username: 'helper.bot' });
    expect(right(decodeAnswer('agent', answer('agent')))).to.deep.include({ id: BOT });
    expect(right(decodeAnswer('agent', answer('agent-without-role')))).to.equal(undefined);
    const [served] = right(decodeAnswer('rooms', answer('rooms'))).items;
    expect(served?.servedBy).to.deep.equal({ id: BOT, username: 'helper.bot', since: '2026-11-20T10:00:30.100Z' });
    expect(right(decodeAnswer('message', answer('send'))).author.isVisitor).to.equal(false);
    expect(right(decodeAnswer('upload', answer('upload'))).media).to.have.length(1);
    for (const name of ['take', 'forward', 'close', 'agent-delete'])
      expect(decodeAnswer('done', answer(name))).to.deep.equal(E.right(undefined));
  });

  it('reads what the fixtures do not have', () => {
    expect(right(decodeAnswer('info', { version: '8.8', success: true }))).to.equal('8.8');
    expect(right(decodeAnswer('info', { info: { version: '6.3.1' }, success: true }))).to.equal('6.3.1');
    expect(
      right(
        decodeAnswer('config', {
          config: {
            enabled: true,
            online: false,
            settings: { limitTextLength: 9, fileUpload: true },
            departments: [{ _id: 'd', name: 'n', enabled: true }],
          },
        }),
      ),
    ).to.deep.equal({
      isEnabled: true,
      isOnline: false,
      departments: [{ id: 'd', name: 'n', isEnabled: true }],
      maxTextLength: 9,
      canUpload: true,
      settings: { limitTextLength: 9, fileUpload: true },
    });
    // Of the open room servers tell no more here.
    const open = { _id: 'r', open: true, departmentId: 'd', servedBy: { _id: 'a', username: 'mira' } };
    const withRoom = (room: unknown) => right(decodeAnswer('config', { config: { enabled: true, room } })).room;
    expect(withRoom(open)).to.deep.include({ id: 'r', isOpen: true, departmentId: 'd' });
    expect(withRoom(open)?.servedBy).to.deep.equal({ id: 'a', username: 'mira' });
    expect(withRoom({ open: true })).to.equal(undefined);
    expect(right(decodeAnswer('agent', { agent: { hiddenInfo: true } }))).to.equal(undefined);
    expect(
      right(
        decodeAnswer('department', { department: { _id: 'd', enabled: false }, agents: [{ agentId: 'a', order: 1 }] }),
      ),
    ).to.deep.equal({
      department: { id: 'd', isEnabled: false },
      agents: [{ id: 'a', order: 1 }],
    });
    expect(
      right(
        decodeAnswer('sync', {
          result: { updated: [message()], deleted: [{ _id: 'x', _deletedAt: '2026-11-20T10:00:00.000Z' }] },
        }),
      ).deleted,
    ).to.deep.equal([{ id: 'x', at: '2026-11-20T10:00:00.000Z' }]);
    expect(
      right(
        decodeAnswer('subscriptions', {
          update: [
            { rid: 'a', t: 'l' },
            { rid: 'b', t: 'c' },
          ],
          remove: [],
        }),
      ),
    ).to.deep.equal({ updated: ['a'], removed: [] });
    expect(right(decodeAnswer('media', { file: { _id: 'f', url: '/x' } }))).to.deep.equal({ fileId: 'f', url: '/x' });
    expect(right(decodeAnswer('result', { result: false }))).to.equal(false);
    expect(right(decodeAnswer('status', { status: 'available' }))).to.equal('available');
    expect(right(decodeAnswer('routing', { config: { a: 1 } }))).to.deep.equal({ a: 1 });
    expect(
      right(decodeAnswer('departments', { departments: [{ _id: 'd', numAgents: 2 }], total: 9, offset: 3 })),
    ).to.deep.equal({ items: [{ id: 'd', isEnabled: true, agents: 2 }], offset: 3, total: 9 });
    expect(right(decodeAnswer('transfers', { history: [{ a: 1 }] }))).to.deep.equal({
      items: [{ a: 1 }],
      offset: 0,
      total: 1,
    });
    expect(
      right(decodeAnswer('receipts', { receipts: [{ userId: 'u', ts: '2026-11-20T10:00:00.000Z' }] })),
    ).to.have.length(1);
  });

  it('refuses a shape that it does not know, in doubt where something was done', () => {
    expect(left(decodeAnswer('message', { success: true }, 'send', true))).to.include({
      kind: 'undecodable',
      inDoubt: true,
    });
    expect(left(decodeAnswer('rooms', { rooms: [{ hush: 1 }] }))).to.include({ kind: 'undecodable', inDoubt: false });
    expect(left(decodeAnswer('registerVisitor', { visitor: { _id: 'x' } })).problems).to.deep.equal([
      'visitor.token is not an id',
    ]);
  });
});

describe('rocketchatError', () => {
  const NOW = Date.parse('2026-11-20T10:01:00.000Z');
  const errorOf = ({ status, body, headers = {} }: Exchange['response'], call = 'send'): ChatError => {
    const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return rocketchatError(call, { status, body, header: (name) => lower.get(name.toLowerCase()) }, NOW);
  };
  const expected: Readonly<Record<string, object>> = {
    'login-refused': { kind: 'unauthorized', reason: 'Unauthorized', status: 401 },
    'no-headers': { kind: 'unauthorized', reason: 'not-logged-in' },
    'no-permission': { kind: 'refused', reason: 'error-unauthorized', status: 403 },
    'room-nobody': { kind: 'refused', reason: 'no-agent-online' },
    'message-again-legacy': { kind: 'refused', reason: undefined, status: 400 },
    'message-prevented': { kind: 'refused', reason: undefined },
    'message-closed': { kind: 'refused', reason: 'room-closed' },
    'rate-limited': { kind: 'throttled', retryAfterMs: 23_000 },
    'take-unknown': { kind: 'refused', reason: 'error-not-found' },
    'take-twice': { kind: 'conflict', reason: 'error-inquiry-taken' },
    'take-offline': { kind: 'refused', reason: 'error-agent-status-service-offline' },
    'agent-create-extra-field': { kind: 'refused', reason: 'invalid-params' },
    'forward-offline': { kind: 'refused', reason: 'error-user-is-offline' },
    'close-no-comment': { kind: 'refused', reason: 'error-comment-is-required' },
    'close-twice': { kind: 'refused', reason: 'error-room-already-closed' },
    'upload-type-blocked': { kind: 'refused', reason: 'error-type-not-allowed' },
    'upload-bad-token': { kind: 'refused', reason: 'unauthorized' },
  };

  it('has an expectation for every refusal of the fixtures', () => {
    const refusals = [...http].filter(([, { response }]) => response.status >= 400).map(([name]) => name);
    expect(refusals.sort()).to.deep.equal(Object.keys(expected).sort());
  });
  for (const [name, wanted] of Object.entries(expected)) {
    it(`tells ${name}`, () => {
      const { status, reason, kind, retryAfterMs } = errorOf(exchange(name).response);
      expect({ status, reason, kind, retryAfterMs }).to.deep.include(wanted);
    });
  }

  it('tells what the fixtures do not have', () => {
    const cases: readonly (readonly [number, unknown, object])[] = [
      [
        401,
        { status: 'error', error: 'totp-required', message: 'x', details: { method: 'email' } },
        { kind: 'unauthorized', reason: 'totp-required' },
      ],
      [
        400,
        {
          success: false,
          errorType: 'totp-required',
          error: 'TOTP Required [totp-required]',
          details: '{"method":"totp"}',
        },
        { kind: 'unauthorized', reason: 'totp-required' },
      ],
      [401, { status: 'error', error: 403, message: 'x' }, { kind: 'unauthorized', reason: '403' }],
      [
        400,
        { success: false, errorType: 'error-too-many-requests', error: 'x' },
        { kind: 'throttled', retryAfterMs: 30_000 },
      ],
      [500, { success: false, error: 'Internal server error' }, { kind: 'unreachable', inDoubt: true }],
      [503, { success: false }, { kind: 'unreachable', inDoubt: false }],
      [200, { success: false, error: 'room-closed' }, { kind: 'refused', reason: 'room-closed' }],
      [404, { success: false, error: 'Agent not found' }, { kind: 'refused', reason: 'agent-not-found' }],
      [400, { success: false, error: 'error-room-cannot-be-closed-try-again' }, { kind: 'refused', retryable: true }],
      [502, undefined, { kind: 'unreachable', inDoubt: true, reason: 'notRocketChat' }],
      [403, undefined, { kind: 'refused', reason: 'notRocketChat' }],
      [429, undefined, { kind: 'throttled' }],
      [418, [], { kind: 'refused' }],
    ];
    for (const [status, body, wanted] of cases) {
      const error = rocketchatError('send', { status, body, header: () => undefined }, NOW);
      expect(error, JSON.stringify(body)).to.include(wanted);
    }
    const asked = { header: (name: string) => (name === 'retry-after' ? '7' : undefined), status: 429 };
    expect(rocketchatError('send', { ...asked, body: { success: false } }, NOW).retryAfterMs).to.equal(7_000);
    const waitOf = (reset: number, seconds: number): number | undefined =>
      rocketchatError(
        'send',
        {
          status: 429,
          header: (name) => (name === 'x-ratelimit-reset' ? String(NOW + reset) : undefined),
          body: { success: false, error: `You must wait ${seconds} seconds [error-too-many-requests]` },
        },
        NOW,
      ).retryAfterMs;
    // The window to the millisecond, unless the clocks differ.
    expect([waitOf(22_100, 23), waitOf(82_100, 23), waitOf(-5, 23)]).to.deep.equal([22_100, 23_000, 23_000]);
    const [totp] =
      rocketchatError('x', { status: 401, body: cases[0]![1], header: () => undefined }, NOW).problems ?? [];
    expect(totp).to.equal('a second factor is asked for: email');
  });

  it('repeats nothing that may have been sent', () => {
    for (const error of [
      'No message found with the id of "hush-1"',
      'Unexpected token hush',
      'hush: {"a":1}',
      'hush '.repeat(50),
    ]) {
      const told = rocketchatError(
        'send',
        { status: 400, body: { success: false, error, hush: 1 }, header: () => undefined },
        NOW,
      );
      expect(JSON.stringify(told)).not.to.include('hush');
    }
  });

  it('tells the errors of the socket', () => {
    const [badLogin, deniedStream, tooMany] = (frames.get('errors') ?? []).map(
      ({ frame }) => frame['error'] as { error: string | number },
    );
    expect(rocketchatFrameError('login', badLogin!)).to.include({ kind: 'unauthorized', reason: '403' });
    expect(rocketchatFrameError('x', deniedStream!)).to.include({ kind: 'refused', reason: 'not-allowed' });
    expect(rocketchatFrameError('x', tooMany!)).to.include({ kind: 'throttled', retryAfterMs: 3_400 });
    expect(rocketchatFrameError('x', { error: 500 })).to.include({ kind: 'unreachable', inDoubt: true });
    expect(JSON.stringify(rocketchatFrameError('x', { error: 'hush hush', reason: 'hush' }))).not.to.include('hush');
  });
});
