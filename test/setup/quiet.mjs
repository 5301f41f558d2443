// A reporter of vitest, which has to be the default export: says what failed, and nothing else.
import { MinimalReporter } from 'vitest/node';

export default class Quiet extends MinimalReporter {
  onInit(vitest) {
    const { logger } = vitest;
    const { printBanner } = logger;
    logger.printBanner = () => undefined;
    super.onInit(vitest);
    logger.printBanner = printBanner;
  }

  // The check counts by itself.
  reportTestSummary() {}
}
