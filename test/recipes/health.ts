import { Controller, Get, Inject } from '@nestjs/common';
import { Public } from 'nestjs-zitadel';

/** Provide the option `issuer` under this name too. */
export const ISSUER = 'issuer';

@Controller('health')
@Public()
export class HealthController {
  #zitadel: { readonly until: number; readonly state: Promise<string> } | undefined;

  constructor(@Inject(ISSUER) private readonly issuer: string) {}

  /** For the orchestrator: the process lives. */
  @Get('live')
  live() {
    return { status: 'ok' };
  }

  /** For people. */
  @Get()
  async page() {
    return { status: 'ok', zitadel: await this.#stateOfZitadel() };
  }

  /** Asks at most every ten seconds: this page is public. */
  #stateOfZitadel(): Promise<string> {
    const now = performance.now();
    if (this.#zitadel === undefined || this.#zitadel.until < now) {
      this.#zitadel = { until: now + 10_000, state: this.#ask() };
    }
    return this.#zitadel.state;
  }

  async #ask(): Promise<string> {
    try {
      const reply = await fetch(`${this.issuer}/.well-known/openid-configuration`, {
        signal: AbortSignal.timeout(2_000),
      });
      return reply.ok ? 'reachable' : 'unreachable';
    } catch {
      return 'unreachable';
    }
  }
}
