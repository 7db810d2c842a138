import type { Errors } from 'io-ts';

/**
 * Why a value could not be decoded, as paths and expectations: `info.cid is not string`. Never the values, which may be
 * private; and no more than ten, since a broken body can be wrong everywhere.
 */
export const problemsOf = (errors: Errors): readonly string[] =>
  errors.slice(0, 10).map(({ context }) => {
    // The parts of an intersection are numbered, which says nothing about the value.
    const isPart = (index: number): boolean =>
      (context[index - 1]?.type as { _tag?: string } | undefined)?._tag === 'IntersectionType';
    const path = context.filter(({ key }, index) => key !== '' && !isPart(index)).map(({ key }) => key);
    const expected = context[context.length - 1]?.type.name ?? 'valid';
    return `${path.length === 0 ? 'the body' : path.join('.')} is not ${expected.length > 60 ? 'valid' : expected}`;
  });
