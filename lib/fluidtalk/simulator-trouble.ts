import { answerOf, DONE, htmlOf, INSUFFICIENT, refusal, refusedWith, resultOf } from './simulator-answers.js';
import type { FluidtalkAnswer, FluidtalkDetail } from './simulator-answers.js';
import type { FluidtalkCall, FluidtalkFault, FluidtalkFaults } from './simulator-faults.js';
import { routeOf } from './simulator-form.js';

/** @internal 429 or 503, with `Retry-After` unless that is null. */
export const throttled = (
  status: number,
  retryAfter: number | string | null,
  detail?: FluidtalkDetail,
): FluidtalkAnswer =>
  refusedWith(refusal(status), detail, retryAfter === null ? {} : { 'retry-after': String(retryAfter) });

/** @internal The answer to a call that a fault keeps from having an effect; nothing for other faults. */
export const withoutEffect = (
  fault: FluidtalkFault,
  faults: FluidtalkFaults,
  { url }: FluidtalkCall,
): FluidtalkAnswer | undefined => {
  const { retryAfter = 0, redirectTo = 'https://elsewhere.test/', detail } = faults;
  switch (fault) {
    case 'redirect':
      return { status: 307, headers: { location: redirectTo }, body: '' };
    case 'throttle':
      return throttled(429, retryAfter, detail);
    case 'unavailable':
      return throttled(503, retryAfter, detail);
    case 'fail':
      return refusedWith(refusal(500), detail);
    case 'outOfTokens':
      return refusedWith(INSUFFICIENT, detail);
    case 'sealed':
      return refusedWith(DONE, detail);
    case 'ignored':
      return answerOf(resultOf(routeOf(url) === 'chat', null, [], { ignored: 'owned by another account' }));
    case 'status': {
      const [status = 500, ...rest] = faults.statuses ?? [];
      faults.statuses = rest;
      return refusedWith(refusal(status), detail);
    }
    default:
      return undefined;
  }
};

const emptied = (body: string): unknown =>
  Object.fromEntries(Object.keys(JSON.parse(body) as object).map((name) => [name, null]));

/** @internal An answer after the effect, as the fault wants it: what spoils a result leaves a refusal as it is. */
export const spoilt = (fault: FluidtalkFault | undefined, answer: FluidtalkAnswer): FluidtalkAnswer => {
  if (fault === 'badGateway') return htmlOf(502, 'bad gateway');
  if (fault === 'cut') return { ...answer, cut: true };
  if (answer.status !== 200) return answer;
  switch (fault) {
    case 'page':
      return htmlOf(200, 'welcome');
    case 'list':
      return { ...answer, body: `[${answer.body}]` };
    case 'missing':
      return answerOf({});
    case 'nulls':
      return answerOf(emptied(answer.body));
    default:
      return answer;
  }
};
