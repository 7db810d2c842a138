import { expect } from 'chai';
import fc from 'fast-check';
import type { InboundEvent } from '../../../lib/model/index.js';
import { RoomEntry } from '../../../lib/rocketchat/room-book.js';

const KEEP_MS = 1_000;
const MOST = 128;
const said = (id: string): InboundEvent => ({
  kind: 'message',
  id,
  platform: 'rocketchat',
  conversation: { platform: 'rocketchat', id: 'r', channel: 'livechat' },
  at: '2026-11-20T10:00:00.000Z',
  raw: {},
  text: '',
});

describe('RoomEntry', () => {
  it('knows the last 128 that were told, in whatever order, as far as they are not older than is kept', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -600, max: 700 }), { maxLength: 400 }), (steps) => {
        const room = new RoomEntry('r', 0);
        const told: { readonly id: string; readonly at: number }[] = [];
        let latest = 10_000;
        for (const [n, step] of steps.entries()) {
          // Most come close to each other, some late.
          const at = latest + (n % 50 === 0 ? step : step % 10);
          latest = Math.max(latest, at);
          told.push({ id: `m${n}`, at });
          room.remember(said(`m${n}`), at, KEEP_MS);
        }
        for (const { id, at } of told.slice(-MOST))
          if (at >= latest - KEEP_MS) expect(room.hasTold(said(id)), id).to.equal(true);
        expect(room.hasTold(said('other'))).to.equal(false);
      }),
    );
  });

  it('is told again what was forgotten, and knows the others', () => {
    const room = new RoomEntry('r', 0);
    for (let n = 0; n < 200; n++) room.remember(said(`m${n}`), n, KEEP_MS);
    room.forget(said('m100'));
    room.forget(said('m199'));
    const known = Array.from({ length: MOST }, (_, n) => `m${n + 72}`).filter((id) => room.hasTold(said(id)));
    expect(known).to.have.length(MOST - 2);
    expect(known).to.not.include.members(['m100']);
    expect(known).to.not.include.members(['m199']);
  });
});
