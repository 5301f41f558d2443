import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ZitadelOptionsError } from '../core/errors.js';
import { within } from '../core/memory/flight.js';
import { own, withoutInheritance } from '../core/own-properties.js';
import { quietly, type ZitadelLogger } from '../core/tell.js';
import type { Finding, Defect } from '../doctor/finding.js';
import { zitadelModulesIn } from './zitadel-modules.js';
import {
  type AnyModuleOptions,
  MODULE_OPTIONS_TOKEN,
  optionsOfZitadel,
} from './zitadel.module-definition.js';

const DEADLINE_MS = 10_000;

/** Logs at the start what the doctor would find wrong (option boot). It is loaded only if it is asked for. */
@Injectable()
export class BootDoctor implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #options: AnyModuleOptions;
  readonly #stop = new AbortController();

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) options: AnyModuleOptions,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
  ) {
    this.#options = withoutInheritance(options);
  }

  /** @throws ZitadelOptionsError with the option strict, listing what is wrong */
  async onApplicationBootstrap(): Promise<void> {
    const { boot, strict } = this.#options;
    if (boot?.check !== true) return;
    const examined = this.#examine(boot.deadlineMs ?? DEADLINE_MS);
    if (!strict) {
      examined.catch((error: unknown) => this.#tellFailure(error));
      return;
    }
    const wrong = (await examined).filter(({ level }) => level === 'wrong') as readonly Defect[];
    if (wrong.length === 0) return;
    throw new ZitadelOptionsError(
      'boot',
      `the application does not start, because something is wrong (options boot.check and strict):\n${wrong.map((each) => `  ${textOf(each)}`).join('\n')}`,
    );
  }

  onApplicationShutdown(): void {
    this.#stop.abort();
  }

  async #examine(deadlineMs: number): Promise<readonly Finding[]> {
    const { examine } = await import('../doctor/examine.js');
    const signal = this.#stop.signal;
    const all = zitadelModulesIn(this.modules).flatMap((each) =>
      each.options ? [optionsOfZitadel(withoutInheritance(each.options))] : [],
    );
    const looks = all.map(async (options) => {
      const findings = await examine({ options, deadlineMs: deadlineMs / 3, stop: signal });
      const instance: unknown = all.length > 1 ? own(options, 'issuer') : undefined;
      return typeof instance === 'string'
        ? findings.map((each) => ({ ...each, instance }))
        : findings;
    });
    const findings = await within(Promise.all(looks), deadlineMs, [[notDone(deadlineMs)]]);
    const flat = findings.flat();
    if (!signal.aborted) this.#tell(flat);
    return flat;
  }

  #tell(findings: readonly Finding[]): void {
    const log = this.#logger();
    const troubles = findings.filter((each): each is Defect => each.level !== 'ok');
    for (const each of troubles) {
      const write = each.level === 'wrong' ? 'error' : 'warn';
      quietly(() => log[write](`boot check: ${textOf(each)}`));
    }
    if (troubles.length > 0) return;
    quietly(() => log.log(`boot check: ${findings.length} things were looked at, all in order`));
  }

  #tellFailure(error: unknown): void {
    const name = error instanceof Error ? error.name : typeof error;
    quietly(() => this.#logger().warn(`boot check: it failed (${name}); nothing is known`));
  }

  #logger(): Pick<ZitadelLogger, 'log' | 'warn' | 'error'> {
    return this.#options.logger ?? new Logger('nestjs-zitadel');
  }
}

function textOf({ id, what, effect, remedy, instance }: Defect): string {
  const where = instance === undefined ? '' : `${instance}: `;
  return `${where}${what} (${id}); ${effect}; ${remedy}`;
}

function notDone(ms: number): Finding {
  return {
    id: 'doctor.late',
    level: 'wrong',
    what: `looking took longer than ${ms} ms`,
    why: 'what was not looked at may be wrong',
    effect: 'not known',
    remedy: 'give it more time, with boot.deadlineMs, or find out what is slow',
  };
}
