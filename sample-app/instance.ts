import { keyFile, type ZitadelOptions } from 'nestjs-zitadel';
import { Demo } from './demo.js';
import type { Environment, ZitadelEnvironment } from './environment.js';

/** The ZITADEL that the sample talks to: a real one, or the emulator. */
export interface Instance {
  readonly issuer: string;
  readonly projectId: string;
  readonly options: ZitadelOptions;
  /** What only the emulator can do: seeds, outages, roles that come and go. */
  readonly demo: Demo | undefined;
  /** The application that the page signs in to, once {@link acceptSignInsFrom} was called. */
  clientId(): string;
  /** Where the page is served. A real ZITADEL was told in its console; the emulator is told here. */
  acceptSignInsFrom(origins: readonly string[]): void;
  stop(): Promise<void>;
}

/** The injection token of the {@link Instance}. */
export const INSTANCE = 'sample:instance';

/** Opens what the environment names. */
export async function openInstance(environment: Environment): Promise<Instance> {
  return environment.kind === 'emulator' ? emulated(await Demo.start()) : real(environment);
}

function emulated(demo: Demo): Instance {
  let clientId = '';
  return {
    issuer: demo.issuer,
    projectId: demo.projectId,
    options: demo.options,
    demo,
    clientId: () => clientId,
    acceptSignInsFrom: (origins) => (clientId = demo.addApplication(origins)),
    stop: () => demo.stop(),
  };
}

function real(environment: ZitadelEnvironment): Instance {
  const { issuer, internalUrl, projectId, clientId, serviceUserKey } = environment;
  return {
    issuer,
    projectId,
    options: {
      issuer,
      audience: projectId,
      serviceUser: keyFile(serviceUserKey),
      ...(internalUrl !== undefined && { internalUrl }),
    },
    demo: undefined,
    clientId: () => clientId,
    acceptSignInsFrom: () => undefined,
    stop: () => Promise.resolve(),
  };
}
