import { expect } from 'chai';
import { Transcripts } from '../../lib/transcripts.js';

describe('Transcripts', () => {
  it('keeps the last lines of each conversation, until they are taken', () => {
    const transcripts = new Transcripts(2, 10);
    for (const line of ['1', '2', '3']) transcripts.add('a', line);
    transcripts.add('b', 'other');
    expect(transcripts.take('a')).to.deep.equal(['2', '3']);
    expect(transcripts.take('a')).to.deep.equal([]);
    expect(transcripts.take('unknown')).to.deep.equal([]);
    expect(transcripts.take('b')).to.deep.equal(['other']);
  });

  it('keeps the conversations that spoke last, with their names', () => {
    const transcripts = new Transcripts(2, 2);
    transcripts.meet('a', { name: 'Mira', id: 'm' });
    transcripts.meet('b', { name: 'Lev' });
    transcripts.add('a', 'still here');
    transcripts.meet('b');
    transcripts.meet('a', { id: 'm' });
    transcripts.meet('c', { id: 'kim@example.org' });
    expect(['a', 'b', 'c'].map((key) => transcripts.nameOf(key))).to.deep.equal(['Mira', undefined, 'kim@example.org']);
    expect(transcripts.take('a')).to.deep.equal(['still here']);
  });

  it('cuts lines that are too long, and no character in two', () => {
    const transcripts = new Transcripts(1, 1);
    transcripts.add('a', 'x'.repeat(1_000));
    expect(transcripts.take('a')).to.deep.equal(['x'.repeat(1_000)]);
    transcripts.add('a', `${'x'.repeat(998)}😀y`);
    expect(transcripts.take('a')).to.deep.equal([`${'x'.repeat(998)}…`]);
  });

  it('keeps no line where none is wanted', () => {
    const transcripts = new Transcripts(0, 1);
    transcripts.add('a', '1');
    expect(transcripts.take('a')).to.deep.equal([]);
  });
});
