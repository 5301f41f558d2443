import { own } from '../core/own-properties.js';
import { allowsImpersonation, ANY_CALLER, classesOf, type Rule } from './declarations.js';
import type { Handler } from './handlers.js';

/** What `@Public()` and `@Authenticate()` of @nestjs/authentication write on a function, by lib/authentication.constants.ts there. */
const ROUTE = 'authentication:route';
/** What newer ones write beside it: whether the route is public. */
const IS_PUBLIC = Symbol.for('@nestjs/authentication:public');
const OPTIONS = ['public', 'optional', 'mfa', 'verifiedEmail', 'providers'];

const BESIDE =
  'a decorator of @nestjs/authentication opens this route, and nestjs-zitadel asks for something here: take one of them away; to lift what the class asks for, write @Public() or @Authenticated({ replaces: true }) of nestjs-zitadel on the method';

/**
 * Understands `@Public()` and `@Authenticate({ optional: true })` of @nestjs/authentication on a method, as ours. On a class, on a method
 * that is inherited and with further options they say nothing here. They never lift what ours ask for: beside that they are a problem.
 */
export function withNestjsAuthentication(rule: Rule, handler: Handler): Rule {
  const opens = openedBy(handler);
  if (opens === undefined) return rule;
  if (rule.type === 'required') return { type: 'undeclared', problem: BESIDE };
  if (rule.type !== 'undeclared' || rule.problem !== undefined) return rule;
  const forActors = allowsImpersonation(handler);
  return opens === 'public'
    ? { type: 'public', lifts: false }
    : { type: 'optional', requirement: ANY_CALLER, zitadel: undefined, forActors, lifts: false };
}

function openedBy({ type, method, called }: Handler): 'public' | 'optional' | undefined {
  const isOfClass = classesOf(type).some(
    ({ prototype }) =>
      own(Object.getOwnPropertyDescriptor(prototype as object, method), 'value') === called,
  );
  const route: unknown = isOfClass ? Reflect.getOwnMetadata(ROUTE, called) : undefined;
  if (typeof route !== 'object' || route === null) return undefined;
  const isPublic: unknown = Reflect.getOwnMetadata(IS_PUBLIC, called);
  if (!Object.keys(route).every((name) => OPTIONS.includes(name))) return undefined;
  if (own(route, 'public') === true) return isPublic === false ? undefined : 'public';
  const asksMore = ['mfa', 'verifiedEmail', 'providers'].some((name) => own(route, name));
  return own(route, 'optional') === true && isPublic !== true && !asksMore ? 'optional' : undefined;
}
