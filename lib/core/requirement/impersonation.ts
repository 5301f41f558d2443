import { ZitadelRequirementError } from '../errors.js';

/** Whether callers who act as another user are let in. */
export interface ImpersonationSettings {
  /**
   * With the option `allowImpersonation: 'perRoute'`: also let in callers who act as another user (token with the claim `act`). What is
   * required is asked of the user they act as; `Caller.actor` is who acts. With any other value of the option it changes nothing.
   *
   * @default false
   */
  readonly allowImpersonation?: boolean;
}

/** Reads the setting. @throws ZitadelRequirementError when it is no boolean, or there is another setting */
export function lettingActorsIn(settings: unknown): boolean {
  const { allowImpersonation = false, ...rest } = Object(settings) as Record<string, unknown>;
  const isObject = typeof settings === 'object' && settings !== null;
  if (isObject && typeof allowImpersonation === 'boolean' && Object.keys(rest).length === 0) {
    return allowImpersonation && Object.hasOwn(settings, 'allowImpersonation');
  }
  throw new ZitadelRequirementError(
    'the settings beside a requirement are { allowImpersonation: true | false }',
  );
}
