import rxjsX from 'eslint-plugin-rxjs-x';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'docs/api', '.bench', 'node_modules', '**/*.js', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.strictTypeChecked,
  rxjsX.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Private names are `#`, and a leading underscore marks what a signature asks for and nobody reads.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // `void` in a union says that a handler may return nothing.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // `() => undefined` and friends read well; a body of braces for each does not.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // A generator that never ends is how a spec makes a synchronous source.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'rxjs-x/no-ignored-error': 'off',
      'rxjs-x/no-implicit-any-catch': 'off',
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['fp-ts/*', 'io-ts/*'], message: "Write: import { either as E } from 'fp-ts'." },
            { group: ['rxjs/internal/*', 'rxjs/dist/*'], message: 'Internal to RxJS.' },
          ],
        },
      ],
    },
  },
  {
    files: ['lib/**', 'operators/**', 'sources/**', 'sinks/**'],
    rules: { 'no-console': 'error', 'rxjs-x/no-ignored-error': 'error' },
  },
  {
    files: ['spec/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      'rxjs-x/throw-error': 'off',
    },
  },
);
