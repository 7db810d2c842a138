// The spec reporter, which also leaves "passed failed skipped" in the file that MOCHA_COUNTS names, for .ci/run.
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.MOCHA_COUNTS;
    if (!file) return;
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      writeFileSync(file, `${passes} ${failures} ${pending}\n`);
    });
  }
};
