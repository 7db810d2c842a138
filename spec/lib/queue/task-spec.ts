import { expect } from 'chai';
import { ChatError } from 'tidewire';
import { writing, type Task } from '../../../lib/queue/task.js';

/** What was written, and a call that has it written: its work notes what happens. */
const desk = (run = (): number => 7) => {
  const tasks: Task<number>[] = [];
  const notes: string[] = [];
  const call = writing<number>(
    (task) => tasks.push(task),
    () => ({
      run: () => {
        notes.push('run');
        return run();
      },
      then: (result) => notes.push(`then ${result}`),
    }),
  );
  const subscription = call.subscribe({
    next: (result) => notes.push(`next ${result}`),
    error: (error: unknown) => notes.push(`error ${String(error)}`),
    complete: () => notes.push('complete'),
  });
  const [task] = tasks;
  if (task === undefined) throw new Error('nothing was written');
  return { call, tasks, task, notes, subscription };
};

describe('writing', () => {
  it('emits the result when that is safe, behind what follows from it', () => {
    const { task, notes } = desk();
    task.run();
    expect(notes).to.deep.equal(['run']);
    task.end();
    expect(notes).to.deep.equal(['run', 'then 7', 'next 7', 'complete']);
  });

  it('writes with each subscription', () => {
    const { call, tasks } = desk();
    call.subscribe();
    expect(tasks).to.have.length(2);
    expect(tasks[0]).not.to.equal(tasks[1]);
  });

  it('does not begin when nobody listens any more', () => {
    const { task, subscription } = desk();
    expect(task.isGone).to.equal(false);
    subscription.unsubscribe();
    expect(task.isGone).to.equal(true);
  });

  it('ends what has begun, also when nobody listens any more', () => {
    const { task, notes, subscription } = desk();
    task.run();
    subscription.unsubscribe();
    task.end();
    expect(notes).to.deep.equal(['run', 'then 7']);
  });

  it('keeps a ChatError of its own, and lets others end the transaction', () => {
    const refused = desk(() => {
      throw new ChatError('overflow', 'desk', 'it is full');
    });
    refused.task.run();
    refused.task.end();
    expect(refused.notes).to.deep.equal(['run', 'error ChatError: desk: it is full']);
    const broken = desk(() => {
      throw new TypeError('a bug');
    });
    expect(() => {
      broken.task.run();
    }).to.throw(TypeError, 'a bug');
  });

  it('fails with its transaction', () => {
    const { task, notes } = desk();
    task.run();
    task.end(new ChatError('unreachable', 'desk', 'the transaction was not written'));
    expect(notes).to.deep.equal(['run', 'error ChatError: desk: the transaction was not written']);
  });
});
