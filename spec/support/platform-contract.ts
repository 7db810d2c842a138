import type { PlatformCase } from './platform-case.js';
import { connectionCases } from './platform-cases-connection.js';
import { conversationCases } from './platform-cases-conversation.js';
import { textCases } from './platform-cases-texts.js';
import { troubleCases } from './platform-cases-trouble.js';
import type { MakePlatform } from './platform-harness.js';
import { Stage } from './platform-stage.js';

const cases = { ...conversationCases, ...textCases, ...troubleCases, ...connectionCases } satisfies Readonly<
  Record<string, PlatformCase>
>;

export type PlatformCaseName = keyof typeof cases;

export interface PlatformContractConfig {
  /** Cases that have no meaning on this platform, each with the reason. */
  readonly skip?: { readonly [name in PlatformCaseName]?: string };
}

/** What every platform must do, as specs: one law each, on its real source, sink and client against its simulator. */
export const platformContract = (
  name: string,
  make: MakePlatform,
  { skip = {} }: PlatformContractConfig = {},
): void => {
  describe(`the platform contract: ${name}`, () => {
    for (const [key, law] of Object.entries<PlatformCase>(cases)) {
      const { title, body } = law;
      const reason = skip[key as PlatformCaseName];
      if (reason !== undefined) {
        it.skip(`${title} [${reason}]`);
        continue;
      }
      it(title, async () => {
        const stage = await Stage.open(make, law);
        try {
          await body(stage);
          await stage.finish();
        } finally {
          await stage.tearDown();
        }
      });
    }
  });
};
