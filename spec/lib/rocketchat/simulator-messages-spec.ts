import { expect } from 'chai';
import type { RocketchatCoreConfig } from 'tidewire/simulators';
import { Client, multipart, rest, stage, type Payload } from './simulated-desk.js';

/** A room that the bot serves. */
const talk = (config: RocketchatCoreConfig = {}) => {
  const desk = stage(config);
  const kim = desk.core.visitor('Kim');
  const rid = kim.open();
  desk.bot.take(rid);
  const asBot = (method: string, path: string, body?: unknown) =>
    rest(desk.core, method, path, { as: 'helper.bot', body });
  const asKim = (method: string, path: string, body?: object) =>
    rest(desk.core, method, path, { body: body && { token: kim.token, rid, ...body } });
  const history = (query = ''): readonly Payload[] =>
    rest(desk.core, 'GET', `livechat/messages.history/${rid}?token=${kim.token}${query}`).body['messages'] as Payload[];
  return { ...desk, kim, rid, asBot, asKim, history };
};
const textsOf = (messages: readonly Payload[]): readonly unknown[] =>
  messages.flatMap(({ t, msg }) => (t === undefined ? [msg] : []));

describe('rocketchatCore keeps messages', () => {
  describe('in a history', () => {
    const many = () => {
      const desk = talk();
      for (let n = 1; n <= 150; n++) {
        desk.clock.advance(1);
        desk.kim.say(String(n));
      }
      return desk;
    };

    it('of 20, or `limit`, at most a hundred; `count` and `sort` count for nothing', () => {
      const { history } = many();
      expect(textsOf(history())).to.deep.equal(Array.from({ length: 20 }, (_, n) => String(150 - n)));
      expect(history('&count=50&sort=%7B%22ts%22%3A1%7D')).to.have.length(20);
      expect(history('&limit=3')).to.have.length(3);
      expect(history('&limit=500')).to.have.length(100);
      expect(textsOf(history('&limit=2&offset=1'))).to.deep.equal(['149', '148']);
    });

    it('before `end`, strictly; `ls` does not filter', () => {
      const { history } = many();
      const [first] = history();
      const end = encodeURIComponent(String(first?.['ts']));
      expect(textsOf(history(`&limit=2&end=${end}`))).to.deep.equal(['149', '148']);
      expect(history(`&limit=5&ls=${end}`)).to.have.length(5);
    });

    it('loses messages of one moment at the border of a page, unless `end` is a millisecond later', () => {
      const { kim, clock, history } = talk();
      clock.advance(10);
      for (const text of ['a', 'b']) kim.say(text);
      const [newest] = history('&limit=1');
      const at = Date.parse(String(newest?.['ts']));
      const before = (ms: number) => textsOf(history(`&end=${encodeURIComponent(new Date(at + ms).toISOString())}`));
      expect(before(0)).to.deep.equal([]);
      expect(before(1)).to.deep.equal(['b', 'a']);
    });

    it('of closed rooms too, but not of others', () => {
      const { kim, rid, history, core } = talk();
      kim.say('x');
      kim.close();
      expect(textsOf(history())).to.deep.equal(['x']);
      core.visitor('Lee');
      expect(rest(core, 'GET', `livechat/messages.history/${rid}?token=visitor-Lee`).body).to.include({
        error: 'invalid-room',
      });
    });

    it('without the types that are hidden', () => {
      const { history } = talk({ hiddenTypes: ['command', 'uj'] });
      expect(history().map(({ t }) => t)).to.deep.equal(['livechat-started']);
    });
  });

  describe('that are repeated', () => {
    it('once, for agents too: refused by older servers, answered without a message by newer ones', () => {
      for (const [version, status] of [
        ['7.10.0', 400],
        ['8.8.0', 200],
      ] as const) {
        const { asBot, rid, core } = talk({ version });
        const send = () => asBot('POST', 'chat.sendMessage', { message: { _id: 'mine', rid, msg: 'x' } });
        expect(send().body).to.have.property('message');
        expect(send().status).to.equal(status);
        expect(send().body).not.to.have.property('message');
        expect(core.seenIn(rid)).to.deep.equal(['x']);
        expect(asBot('GET', 'chat.getMessage?msgId=mine').body['message']).to.include({ msg: 'x' });
        expect(core.journal.filter(({ kind }) => kind === 'repeated')).to.have.length(2);
      }
    });

    it('with the message that is stored, even of another room', () => {
      const { asKim, kim, core } = talk();
      asKim('POST', 'livechat/message', { _id: 'mine', msg: 'x' });
      kim.close();
      const rid = kim.open();
      const body = { token: kim.token, rid, _id: 'mine', msg: 'y' };
      const { message } = rest(core, 'POST', 'livechat/message', { body }).body as { message: Payload };
      expect(message).to.include({ msg: 'x' }).and.not.to.include({ rid });
    });
  });

  describe('that are too much', () => {
    it('for the limits of agents and visitors', () => {
      const { asBot, asKim, rid } = talk({ maxMessage: 3, maxVisitorMessage: 0 });
      const send = (msg: string) => asBot('POST', 'chat.sendMessage', { message: { rid, msg } }).body['error'];
      expect([send('abc'), send('abcd')]).to.deep.equal([undefined, 'error-message-size-exceeded']);
      expect(asKim('POST', 'livechat/message', { msg: 'x' }).body['error']).to.equal(
        'message-length-exceeds-character-limit',
      );
    });

    it('for rooms that are closed, or are not theirs', () => {
      const { asBot, core, bot, rid } = talk();
      const send = (as: string) => rest(core, 'POST', 'chat.sendMessage', { as, body: { message: { rid, msg: 'x' } } });
      expect(send('lev').body).to.include({ errorType: 'error-not-allowed' });
      expect(send('mira').status).to.equal(400);
      bot.close(rid);
      expect(send('helper.bot').status).to.equal(400);
      const stored = talk({ closedRoomSends: 'stored' });
      stored.bot.close(stored.rid);
      expect(stored.asBot('POST', 'chat.sendMessage', { message: { rid: stored.rid, msg: 'x' } }).status).to.equal(200);
      expect(asBot('POST', 'chat.postMessage', { roomId: rid, text: 'x', unknown: 1 }).body).to.include({
        errorType: 'invalid-params',
      });
    });

    it('for somebody who is somebody else', () => {
      const { core, mira } = stage();
      const rid = core.visitor('Kim').open();
      mira.take(rid);
      const send = (as: string) =>
        rest(core, 'POST', 'chat.sendMessage', { as, body: { message: { rid, msg: 'x', alias: 'Somebody' } } });
      expect(send('mira').status).to.equal(400);
      mira.forward(rid, { agent: 'helper.bot' });
      expect(send('helper.bot').body['message']).to.include({ alias: 'Somebody' });
    });
  });

  it('posted with buttons, to a room by its id', () => {
    const { asBot, rid, history } = talk();
    const attachments = [{ text: 'Which?', actions: [{ type: 'button', text: 'One', msg: 'one' }] }];
    const { body } = asBot('POST', 'chat.postMessage', { roomId: rid, text: 'Which?', attachments });
    expect(body).to.include({ channel: rid, ts: 0 });
    expect(history('&limit=1')[0]?.['attachments']).to.deep.equal(attachments);
  });

  describe('that change', () => {
    it('by their authors, where they may', () => {
      const { asKim, asBot, kim, bot, rid, history } = talk();
      const theirs = kim.say('Whre?');
      const ours = bot.say(rid, 'Thre.');
      expect(asKim('PUT', `livechat/message/${theirs}`, { msg: 'Where?' }).body['message']).to.include({
        msg: 'Where?',
      });
      expect(asKim('PUT', `livechat/message/${ours}`, { msg: 'x' }).body).to.include({
        errorType: 'error-action-not-allowed',
      });
      const update = (msgId: string, roomId = rid) => asBot('POST', 'chat.update', { roomId, msgId, text: 'There.' });
      expect(update(ours).body['message']).to.have.property('editedAt');
      expect(update(theirs).body).to.include({ errorType: 'error-action-not-allowed' });
      expect(update('none').body).to.include({ error: 'No message found with the id of "none".' });
      expect(update(ours, 'none').body['error']).to.include('does not match');
      expect(textsOf(history())).to.deep.equal(['There.', 'Where?']);
      expect(kim.sees()).to.deep.equal(['Thre.', 'There.']);
      const fixed = talk({ editing: false });
      const id = fixed.kim.say('x');
      expect(fixed.asKim('PUT', `livechat/message/${id}`, { msg: 'y' }).status).to.equal(400);
    });

    it('or go: out of sight, or as removed', () => {
      for (const showsDeleted of [false, true]) {
        const { core, asKim, asBot, kim, bot, rid, history } = talk({ showsDeleted });
        const client = Client.in(core, 'helper.bot');
        client.sub('stream-room-messages', '__my_messages__');
        client.sub('stream-notify-room', `${rid}/deleteMessage`);
        const [theirs, ours] = [kim.say('x'), bot.say(rid, 'y')];
        expect(asKim('DELETE', `livechat/message/${theirs}`, {}).body['message']).to.include({ _id: theirs });
        const gone = asBot('POST', 'chat.delete', { roomId: rid, msgId: ours });
        expect(gone.body).to.deep.nested.include({ _id: ours, ts: '0', 'message.rid': rid });
        expect(textsOf(history())).to.deep.equal([]);
        expect(client.events(`${rid}/deleteMessage`)).to.have.length(showsDeleted ? 0 : 2);
        expect(client.heard().filter((word) => word === 'rm')).to.have.length(showsDeleted ? 2 : 0);
        expect(asBot('GET', `chat.getMessage?msgId=${ours}`).status).to.equal(showsDeleted ? 200 : 400);
      }
    });

    it('when their links are looked at, which is no edit', () => {
      const { core, kim, clock } = talk({ previewMs: 50 });
      const client = Client.in(core, 'helper.bot');
      client.sub('stream-room-messages', '__my_messages__');
      kim.say('see https://shop.example/a');
      clock.advance(50);
      const [first, second] = client.events('__my_messages__').map(([message]) => message as Payload);
      expect([first?.['urls'], second?.['urls']].map((urls) => (urls as unknown[]).length)).to.deep.equal([0, 1]);
      expect(second).to.include({ _id: first?.['_id'] }).and.not.to.have.property('editedAt');
    });
  });

  describe('for reading again', () => {
    it('what has changed since a moment, newest first', () => {
      const { clock, kim, bot, rid, asBot } = talk();
      const first = kim.say('one');
      const gone = kim.say('two');
      clock.advance(10);
      kim.edit(first, 'one!');
      kim.remove(gone);
      clock.advance(10);
      bot.say(rid, 'three');
      const sync = (query: string) =>
        asBot('GET', `chat.syncMessages?roomId=${rid}&${query}`).body['result'] as Payload;
      const since = (ms: number): Payload => sync(`lastUpdate=${encodeURIComponent(new Date(ms).toISOString())}`);
      expect(textsOf(since(0)['updated'] as Payload[])).to.deep.equal(['three', 'one!']);
      expect((since(0)['deleted'] as Payload[]).map(({ _id }) => _id)).to.deep.equal([gone]);
      expect(since(20)).to.deep.equal({ updated: [], deleted: [] });
      expect(asBot('GET', `chat.syncMessages?roomId=${rid}`).status).to.equal(400);
    });

    it('page by page from a cursor', () => {
      const { clock, kim, rid, asBot } = talk();
      for (const text of ['a', 'b', 'c']) {
        clock.advance(1);
        kim.say(text);
      }
      const texts: unknown[] = [];
      let next: string | null = '0';
      for (let pages = 0; next !== null && pages < 9; pages++) {
        const path: string = `chat.syncMessages?roomId=${rid}&type=UPDATED&count=2&next=${next}`;
        const { updated, cursor } = asBot('GET', path).body['result'] as {
          updated: Payload[];
          cursor: { next: string | null };
        };
        texts.push(...textsOf(updated));
        next = cursor.next;
      }
      expect(texts).to.deep.equal(['a', 'b', 'c']);
      const back = asBot('GET', `chat.syncMessages?roomId=${rid}&type=UPDATED&count=1&previous=3`).body['result'];
      expect(back).to.nested.include({ 'updated[0].msg': 'b', 'cursor.previous': '2' });
    });

    it('one of a visitor, with its room', () => {
      const { asKim, kim, rid, core } = talk();
      const id = kim.say('x');
      const get = (token: string, of: string, room = rid) =>
        rest(core, 'GET', `livechat/message/${of}?token=${token}&rid=${room}`).body;
      expect(get(kim.token, id)['message']).to.include({ msg: 'x' });
      expect(get(kim.token, 'none')).to.include({ error: 'invalid-message' });
      expect(get('none', id)).to.include({ error: 'invalid-token' });
      expect(asKim('PUT', 'livechat/message/none', { msg: 'x' }).status).to.equal(400);
    });

    it('which chats an agent has, and what is unread', () => {
      const { kim, rid, asBot, clock, bot } = talk();
      kim.say('x');
      const get = (query = '') =>
        asBot('GET', `subscriptions.get${query}`).body as { update: Payload[]; remove: Payload[] };
      expect(get().update).to.have.length(1);
      expect(get().update[0]).to.include({ rid, t: 'l', unread: 1, alert: true });
      expect(asBot('POST', 'subscriptions.read', { rid }).status).to.equal(200);
      expect(get().update[0]).to.include({ unread: 0, alert: false });
      expect(asBot('POST', 'subscriptions.read', { rid: 'none' }).status).to.equal(400);
      clock.advance(10);
      bot.close(rid);
      const { update, remove } = get(`?updatedSince=${encodeURIComponent(new Date(5).toISOString())}`);
      expect([update.length, remove.length]).to.deep.equal([0, 1]);
    });
  });

  describe('with files', () => {
    const form = (...more: Parameters<typeof multipart>[0]) =>
      multipart([{ name: 'file', fileName: 'план.pdf', type: 'application/pdf', text: 'bytes' }, ...more]);
    const upload = (desk: ReturnType<typeof talk>, path: string, as = 'helper.bot', parts = form()) =>
      rest(desk.core, 'POST', path, { as, body: parts.body, headers: parts.headers });

    it('of agents in two steps, by the same user, within a day', () => {
      const desk = talk({ unconfirmedMs: 100 });
      const { rid, asBot, history, core } = desk;
      const media = () => upload(desk, `rooms.media/${rid}`).body['file'] as { _id: string; url: string };
      const confirm = (id: string) =>
        asBot('POST', `rooms.mediaConfirm/${rid}/${id}`, { msg: 'here', description: 'd' });
      const { _id, url } = media();
      expect(textsOf(history())).to.deep.equal([]);
      expect(rest(core, 'POST', `rooms.mediaConfirm/${rid}/${_id}`, { as: 'boss', body: {} }).body).to.include({
        errorType: 'invalid-file',
      });
      expect(confirm(_id).body['message']).to.deep.nested.include({
        msg: 'here',
        'file.name': 'план.pdf',
        'attachments[0].description': 'd',
      });
      expect(confirm(_id).status).to.equal(400);
      const late = media();
      desk.clock.advance(100);
      expect(confirm(late._id).status).to.equal(400);
      const got = rest(core, 'GET', url, { as: 'helper.bot' });
      expect(Buffer.from(got.answer.body).toString()).to.equal('bytes');
    });

    it('of agents in one step, up to 7.x', () => {
      const desk = talk({ version: '7.10.0' });
      const parts = form({ name: 'msg', text: 'here' });
      const { body } = upload(desk, `rooms.upload/${desk.rid}`, 'helper.bot', parts);
      expect(body['message']).to.nested.include({ msg: 'here', 'file.type': 'application/pdf' });
    });

    it('that only members of the room can read', () => {
      const { core, kim, rid, history } = talk();
      kim.upload({ name: 'a.png', type: 'image/png', bytes: new Uint8Array([1]) }, { description: 'd' });
      const { fileUpload } = history('&limit=1')[0] as { fileUpload: { publicFilePath: string } };
      const path = fileUpload.publicFilePath;
      const get = (query: string, as?: string) =>
        rest(core, 'GET', `${path}${query}`, as === undefined ? {} : { as }).status;
      expect([get('', 'helper.bot'), get('', 'boss'), get('', 'lev'), get('')]).to.deep.equal([200, 200, 403, 403]);
      expect(get(`?rc_room_type=l&rc_rid=${rid}&rc_token=${kim.token}`)).to.equal(200);
      expect(get(`?rc_room_type=l&rc_rid=${rid}&rc_token=other`)).to.equal(403);
      const { userId, authToken } = core.issueToken('helper.bot');
      expect(get(`?rc_uid=${userId}&rc_token=${authToken}`)).to.equal(200);
      const cookie = `rc_room_type=l; rc_rid=${rid}; rc_token=${kim.token}`;
      expect(rest(core, 'GET', path, { headers: { cookie } }).status).to.equal(200);
      expect(rest(core, 'GET', '/file-upload/none/x').status).to.equal(404);
    });

    it('that are refused in the words of the version', () => {
      const of = (config: RocketchatCoreConfig, parts = form()): Payload => {
        const desk = talk(config);
        const headers = { ...parts.headers, 'x-visitor-token': desk.kim.token };
        return rest(desk.core, 'POST', `livechat/upload/${desk.rid}`, { body: parts.body, headers }).body;
      };
      expect(of({ uploads: false })).to.deep.equal({ reason: 'error-file-upload-disabled', success: false });
      expect(of({ maxFile: 1 })).to.include({ errorType: 'error-file-too-large' });
      expect(of({ maxFile: 1, version: '7.10.0' })).to.deep.equal({
        reason: 'error-size-not-allowed',
        sizeAllowed: 1,
        success: false,
      });
      expect(of({ maxFile: -1 })).to.include({ success: true });
      const without = multipart([{ name: 'msg', text: 'x' }]);
      expect(of({}, without)).to.include({ errorType: 'error-no-file' });
      expect(of({ version: '7.10.0' }, without)).to.include({ reason: 'error-no-file-uploaded' });
      expect(of({}, form({ name: 'file', fileName: 'b', text: 'x' }))).to.include({ success: false });
    });
  });

  it('of what a visitor does besides writing', () => {
    const { core, asKim, kim, history } = talk();
    const pageInfo = { title: 'Home', change: 'url', location: { href: 'https://shop.example/' } };
    expect(asKim('POST', 'livechat/page.visited', { pageInfo }).status).to.equal(200);
    expect(history('&limit=1')[0]).to.include({ t: 'livechat_navigation_history' });
    expect(asKim('POST', 'livechat/transcript', { email: 'kim@mail.example' }).status).to.equal(200);
    const body = { token: kim.token, status: 'away' };
    expect(rest(core, 'POST', 'livechat/visitor.status', { body }).body).to.deep.equal({ ...body, success: true });
    expect(core.journal.map(({ kind }) => kind)).to.include.members(['visited', 'transcript', 'status']);
  });

  it('with emojis, which are no edit, and tells of the message again', () => {
    const { core, clock, asBot, kim, rid } = talk();
    const socket = Client.in(core, 'helper.bot');
    socket.sub('stream-room-messages', '__my_messages__');
    const messageId = kim.say('Hello?');
    clock.advance(1_000);
    const reacted = (): unknown => {
      const [message] = socket.events('__my_messages__').at(-1) as [Payload];
      expect(message['editedAt']).to.equal(undefined);
      return message['reactions'];
    };
    expect(asBot('POST', 'chat.react', { messageId, emoji: 'ok', shouldReact: true }).body).to.deep.equal({
      success: true,
    });
    expect(reacted()).to.deep.equal({ ':ok:': { usernames: ['helper.bot'] } });
    asBot('POST', 'chat.react', { messageId, emoji: ':ok:', shouldReact: true });
    expect(socket.heard()).to.have.length(2);
    asBot('POST', 'chat.react', { messageId, emoji: ':ok:' });
    expect(reacted()).to.equal(undefined);
    expect(asBot('POST', 'chat.react', { messageId }).body).to.include({ errorType: 'error-emoji-param-not-provided' });
    expect(asBot('POST', 'chat.react', { messageId: 'nothing', emoji: 'ok' }).body).to.include({
      errorType: 'error-message-not-found',
    });
    expect(rest(core, 'POST', 'chat.react', { as: 'lev', body: { messageId, emoji: 'ok' } }).status).to.equal(400);
    expect(core.journal.filter(({ kind }) => kind === 'reacted').map((entry) => ({ ...entry, at: 0 }))).to.deep.equal([
      { at: 0, kind: 'reacted', rid, by: core.agent('helper.bot').id, messageId, emoji: ':ok:', isOn: true },
      { at: 0, kind: 'reacted', rid, by: core.agent('helper.bot').id, messageId, emoji: ':ok:', isOn: false },
    ]);
  });

  it('and who has read them', () => {
    const { core, clock, asBot, kim, rid } = talk();
    const messageId = kim.say('Hello?');
    const receipts = () => asBot('GET', `chat.getMessageReadReceipts?messageId=${messageId}`).body['receipts'];
    expect(receipts()).to.deep.equal([]);
    clock.advance(1_000);
    asBot('POST', 'subscriptions.read', { rid });
    const [receipt, ...others] = receipts() as Payload[];
    expect(others).to.deep.equal([]);
    expect(receipt).to.include({ messageId, roomId: rid, userId: core.agent('helper.bot').id });
    clock.advance(1_000);
    const later = kim.say('Anybody?');
    expect(asBot('GET', `chat.getMessageReadReceipts?messageId=${later}`).body['receipts']).to.have.length(0);
    expect(asBot('GET', 'chat.getMessageReadReceipts?messageId=nothing').body).to.include({ success: false });
  });

  it('and shows bots and people what they saw', () => {
    const { core, kim, bot, rid } = talk();
    kim.say('Hello?');
    bot.say(rid, 'Hello!');
    expect(kim.sees()).to.deep.equal(['Hello!']);
    expect(kim.shows()).to.deep.equal(['Hello?', 'Hello!']);
    expect(bot.sees(rid)).to.deep.equal(['Hello?']);
    expect(core.seenIn(rid)).to.deep.equal(['Hello?', 'Hello!']);
  });
});
