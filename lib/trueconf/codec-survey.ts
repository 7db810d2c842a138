import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { JsonObject } from '../model/index.js';
import { read } from './codec-wire.js';
import { trueconfEscape } from './markup.js';

export interface TrueconfSurvey {
  readonly title: string;
  /** The id of the survey campaign. */
  readonly survey: string;
  /** Default: false. */
  readonly anonymous?: boolean;
}

const KIND = { named: '{{Survey}}', anonymous: '{{Anonymous survey}}' } as const;
const Survey = t.type({ path: t.string, title: t.string, description: t.string });

const randomSecret = (): string =>
  crypto.getRandomValues(new Uint32Array(5)).reduce((hex, word) => hex + word.toString(16).padStart(8, '0'), '');

/** What an edit of a survey says. */
export const surveyEdit = ({ title, survey, anonymous }: TrueconfSurvey, server: string): JsonObject => ({
  path: survey,
  title,
  description: anonymous === true ? KIND.anonymous : KIND.named,
  buttonText: '{{Go to survey}}',
  alt: `📊 <a href='https://${server}/webtools/survey?id=${encodeURIComponent(survey)}&error=autologin_not_supported'>${trueconfEscape(title, 'html')}</a>`,
});

/** What a survey says: documentation of the chatbot connector, page surveys. */
export const surveyContent = (survey: TrueconfSurvey, server: string, secret = randomSecret): JsonObject => ({
  url: `https://${server}/webtools/survey`,
  appVersion: 1,
  ...surveyEdit(survey, server),
  secret: secret(),
});

/** The survey that a request asks for. */
export const surveyIn = (content: unknown): E.Either<ChatError, TrueconfSurvey> =>
  E.map(({ path, title, description }: t.TypeOf<typeof Survey>) =>
    description === KIND.anonymous ? { title, survey: path, anonymous: true } : { title, survey: path },
  )(read(Survey, content, 'the content of a survey'));
